package providers

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The sender's side of schemes whose keys are fetched: how they sign, and what
// their key servers answer for the public half. Certificates and their addresses
// are those of tests.

const (
	snsCertificate    = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-test.pem"
	paypalCertificate = "https://api.paypal.com/v1/notifications/certs/CERT-test"
	alexaCertificate  = "https://s3.amazonaws.com/echo.api/echo-api-cert-test.pem"
	smartThingsKeyID  = "/pl/test"
)

// signerKey is the key that a sender signs with.
func signerKey(cfg verifiers.Config) (*verifiers.Key, error) {
	if cfg.Keys == nil {
		return nil, verifiers.ErrNoKeys
	}
	keys, err := cfg.Keys.Keys(context.Background(), "")
	if err != nil {
		return nil, fmt.Errorf("getting keys: %w", err)
	}
	if len(keys) == 0 || keys[0] == nil {
		return nil, verifiers.ErrNoKeys
	}
	return keys[0], nil
}

// signerID is the id of the key that a sender signs with.
func signerID(cfg verifiers.Config) (string, error) {
	key, err := signerKey(cfg)
	if err != nil {
		return "", err
	}
	return key.ID(), nil
}

// servedJWKS is a key set at a URL.
func servedJWKS(key *verifiers.Key, url string) (verifiers.Served, error) {
	set, err := verifiers.JWKSOf(key)
	if err != nil {
		return verifiers.Served{}, err
	}
	return verifiers.Served{Documents: map[string]string{url: set}}, nil
}

// servedPEM is a public key as PEM, in a document that wrap makes.
func servedPEM(key *verifiers.Key, url string, wrap func(text string) any) (verifiers.Served, error) {
	if key.Public() == nil {
		return verifiers.Served{}, fmt.Errorf("%w: a private key is needed", verifiers.ErrKeyFormat)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return verifiers.Served{}, fmt.Errorf("%w: %w", verifiers.ErrKeyFormat, err)
	}
	doc, err := json.Marshal(wrap(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))))
	if err != nil {
		return verifiers.Served{}, err
	}
	return verifiers.Served{Documents: map[string]string{url: string(doc)}}, nil
}

// servedCertificateOf is a certificate of the key for a name, signed by itself.
func servedCertificateOf(key *verifiers.Key, url, name string) (verifiers.Served, error) {
	der, err := certify(key, nil, name, false)
	if err != nil {
		return verifiers.Served{}, err
	}
	return verifiers.Served{Documents: map[string]string{url: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}}, nil
}

// certify makes a certificate of the key that the key itself signs in the name of
// an issuer; nil means its own.
func certify(key *verifiers.Key, issuer *x509.Certificate, name string, ca bool, marks ...asn1.ObjectIdentifier) ([]byte, error) {
	if key.Public() == nil {
		return nil, fmt.Errorf("%w: a private key is needed", verifiers.ErrKeyFormat)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, IsCA: ca,
	}
	if ca {
		template.KeyUsage |= x509.KeyUsageCertSign
		template.DNSNames = nil
	}
	for _, mark := range marks {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: mark, Value: []byte{5, 0}})
	}
	if issuer == nil {
		issuer = template
	}
	return x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), key)
}

// Sign names the key that signs, and signs.
func (shipEngineScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	kid, err := signerID(cfg)
	if err != nil {
		return err
	}
	req.Header.Set(shipEngineKeyID.Header, kid)
	return shipEngineRSA.Sign(req, cfg)
}

// Serve returns the keys of the region.
func (shipEngineScheme) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	return servedJWKS(key, shipEngineKeys[cmp.Or(options[shipEngineRegion], "us")])
}

// Sign signs as fal does.
func (s falScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return s.signature().Sign(req, cfg)
}

// Serve returns fal's keys.
func (falScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedJWKS(key, falKeys)
}

// Sign names the key that signs, and signs.
func (s turnkeyScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	kid, err := signerID(cfg)
	if err != nil {
		return err
	}
	for _, fixed := range turnkeyFixed {
		req.Header.Set(fixed.Source.Header, fixed.Equals)
	}
	req.Header.Set(turnkeyKid.Header, kid)
	return s.signature().Sign(req, cfg)
}

// Serve returns Turnkey's keys.
func (turnkeyScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedJWKS(key, turnkeyKeys)
}

// Sign signs with the key that is published.
func (dyteScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return dyteRSA.Sign(req, cfg)
}

// Serve returns the document in which the key is.
func (dyteScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedPEM(key, dyteKeys, func(text string) any { return map[string]string{"publicKey": text} })
}

// Serve returns Kick's answer with the key.
func (kickScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedPEM(key, kickKeyURL, func(text string) any {
		return map[string]any{"data": map[string]string{"public_key": text}, "message": "OK"}
	})
}

// Sign signs the payload.
func (travisScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return travisSigned.Sign(req, cfg)
}

// Serve returns the configuration of the API server.
func (travisScheme) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	url := "https://" + cmp.Or(options[travisAPI], "api.travis-ci.com") + "/config"
	return servedPEM(key, url, func(text string) any {
		return map[string]any{"config": map[string]any{"notifications": map[string]any{"webhook": map[string]string{"public_key": text}}}}
	})
}

// Sign makes the JWS, without its payload.
func (fireblocksScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	kid, err := signerID(cfg)
	if err != nil {
		return err
	}
	head, err := json.Marshal(map[string]string{"alg": "RS512", "kid": kid})
	if err != nil {
		return err
	}
	text := base64.RawURLEncoding.EncodeToString(head)
	signed := withHeaders(req, map[string]string{jwsInput: text + "." + base64.RawURLEncoding.EncodeToString(req.Body)})
	if err := fireblocksRSA.Sign(signed, cfg); err != nil {
		return err
	}
	req.Header.Set(fireblocksHeader.Header, text+".."+signed.Header.Get(fireblocksHeader.Header))
	return nil
}

// Serve returns the keys of the environment.
func (fireblocksScheme) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	return servedJWKS(key, fireblocksKeys[cmp.Or(options[fireblocksEnvironment], "us")])
}

// Serve returns the keys of the instance, if the option names one.
func (saleorScheme) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	host := options[saleorHost]
	if host == "" {
		return verifiers.Served{}, nil
	}
	return servedJWKS(key, "https://"+host+"/.well-known/jwks.json")
}

// Sign makes the JWS, without its payload, and adds the time.
func (s neonScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	kid, err := signerID(cfg)
	if err != nil {
		return err
	}
	head, err := json.Marshal(map[string]string{"alg": "EdDSA", "kid": kid})
	if err != nil {
		return err
	}
	text := base64.RawURLEncoding.EncodeToString(head)
	signed := withHeaders(req, map[string]string{neonHeader: text})
	if err := s.signature().Sign(signed, cfg); err != nil {
		return err
	}
	req.Header.Set(neonKid.Header, kid)
	req.Header.Set(neonTimestamp.Header, signed.Header.Get(neonTimestamp.Header))
	req.Header.Set(neonSignature.Header, text+".."+signed.Header.Get(neonSignature.Header))
	return nil
}

// Serve returns the keys below the URL of the option.
func (neonScheme) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	return servedJWKS(key, strings.TrimSuffix(options[neonURL], "/")+"/.well-known/jwks.json")
}

var trueLayerECDSA = verifiers.ECDSA{Hash: verifiers.SHA512, Raw: true, Signed: jwsSigned(trueLayerSignature)}

// Sign adds the time, and a JWS without its payload.
func (trueLayerScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	kid, err := signerID(cfg)
	if err != nil {
		return err
	}
	address := trueLayerKeys[cmp.Or(cfg.Options[trueLayerEnvironment], "live")]
	if address == "" || req.URL == nil {
		return fmt.Errorf("%w %s: want live or sandbox", verifiers.ErrOption, trueLayerEnvironment)
	}
	req.Header.Set(trueLayerTimestamp.Header, senderTime(cfg).UTC().Format(time.RFC3339))
	head, err := json.Marshal(trueLayerHeader{
		Alg: "ES512", Kid: kid, Version: "2", Headers: trueLayerTimestamp.Header, JKU: address, Crit: nil,
	})
	if err != nil {
		return err
	}
	head = bytes.Replace(head, []byte(`,"crit":null`), nil, 1)
	headers, _, _, err := trueLayerText(req, trueLayerTimestamp.Header)
	if err != nil {
		return fmt.Errorf("reading the headers: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(head)
	payload := append([]byte(req.Method+" "+req.URL.EscapedPath()+"\n"+headers), req.Body...)
	signed := withHeaders(req, map[string]string{jwsInput: text + "." + base64.RawURLEncoding.EncodeToString(payload)})
	if err := trueLayerECDSA.Sign(signed, cfg); err != nil {
		return err
	}
	signature := signed.Header.Get(trueLayerSignature.Header)
	if raw, err := base64.RawURLEncoding.DecodeString(signature); err != nil || len(raw) != 132 {
		return fmt.Errorf("%w: a private key of the curve P-521 is needed", verifiers.ErrKeyFormat)
	}
	req.Header.Set(trueLayerSignature.Header, text+".."+signature)
	return nil
}

// Serve returns the keys of the environment.
func (trueLayerScheme) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	if public, ok := key.Public().(*ecdsa.PublicKey); !ok || public.Curve != elliptic.P521() {
		return verifiers.Served{}, fmt.Errorf("%w: a private key of the curve P-521 is needed", verifiers.ErrKeyFormat)
	}
	return servedJWKS(key, trueLayerKeys[cmp.Or(options[trueLayerEnvironment], "live")])
}

// signToken puts a token of a fetched RSA key into Authorization.
func signToken(req *verifiers.Request, cfg verifiers.Config, header verifiers.Source, claims map[string]any) error {
	now := senderTime(cfg)
	claims["iat"], claims["exp"] = now.Unix(), now.Add(time.Hour).Unix()
	bare := verifiers.Header(header.Header)
	if err := signJWS(req, cfg, bare, "RS256", verifiers.RSA{Hash: verifiers.SHA256, Signed: jwsSigned(bare)}, claims); err != nil {
		return err
	}
	req.Header.Set(header.Header, header.Prefix+req.Header.Get(header.Header))
	return nil
}

// Sign adds a token for the service account and the audience.
func (googlePush) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	audience := cfg.Options[googleAudience]
	if audience == "" && req.URL != nil {
		audience = req.URL.String()
	}
	return signToken(req, cfg, googleToken, map[string]any{
		"iss": googleJWT.Issuers[0], "aud": audience, "email": strings.TrimSpace(cfg.Options[googleAccount]), "email_verified": true,
	})
}

// Serve returns Google's keys.
func (googlePush) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedJWKS(key, googleJWT.JWKS)
}

// Sign adds a token for the URL, or for the project of the option.
func (chatScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	project := cfg.Options[chatProject]
	if project == "" {
		cfg.Options = map[string]string{googleAccount: chatAccount, googleAudience: cfg.Options[googleAudience]}
		return googlePush{}.Sign(req, cfg)
	}
	return signToken(req, cfg, googleToken, map[string]any{"iss": chatAccount, "aud": project})
}

// Serve returns Google's keys, or those of Chat's service account.
func (chatScheme) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	if options[chatProject] != "" {
		return servedJWKS(key, chatKeys)
	}
	return servedJWKS(key, googleJWT.JWKS)
}

// Sign adds a token for the app and the service that the body names.
func (botScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	service, err := botService.Lookup(req)
	if err != nil {
		return fmt.Errorf("reading %s: %w", botService, err)
	}
	return signToken(req, cfg, botToken, map[string]any{
		"iss": botJWT.Issuers[0], "aud": cfg.Options[botApp], "serviceurl": service,
	})
}

// Serve returns the keys of the Bot Framework.
func (botScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedJWKS(key, botJWT.JWKS)
}

// Sign signs the envelope with SHA-256, and names a certificate of tests.
func (snsScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	key, err := signerKey(cfg)
	if err != nil {
		return err
	}
	if public, ok := key.Public().(*rsa.PublicKey); !ok || public.N.BitLen() < snsMinBits {
		return fmt.Errorf("%w: a private key of RSA is needed", verifiers.ErrKeyFormat)
	}
	for _, member := range [][2]string{
		{"/Timestamp", senderTime(cfg).UTC().Format("2006-01-02T15:04:05.000Z")},
		{"/SignatureVersion", "2"},
		{"/SigningCertURL", snsCertificate},
		{"/Signature", "none yet"},
	} {
		if err := verifiers.JSON(member[0]).Put(req, member[1]); err != nil {
			return fmt.Errorf("adding %s: %w", member[0], err)
		}
	}
	msg, field, err := parseSNS(req)
	if err != nil {
		return fmt.Errorf("reading %s: %w", field, err)
	}
	hash, err := snsHash(msg)
	if err != nil {
		return err
	}
	signature, err := key.Sign(rand.Reader, snsDigest(hash, msg), hash)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	return verifiers.JSON("/Signature").Put(req, base64.StdEncoding.EncodeToString(signature))
}

// Serve returns the certificate that Sign names.
func (snsScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedCertificateOf(key, snsCertificate, "sns.amazonaws.com")
}

// Sign names a certificate of tests, and signs.
func (paypalScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	req.Header.Set(paypalAlg.Header, "SHA256withRSA")
	req.Header.Set(paypalURL.Header, paypalCertificate)
	return paypalRSA.Sign(req, cfg)
}

// Serve returns the certificate that Sign names.
func (paypalScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedCertificateOf(key, paypalCertificate, "messageverificationcerts.paypal.com")
}

// Sign names a certificate of tests, and signs.
func (alexaScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	req.Header.Set(alexaURL.Header, alexaCertificate)
	return alexaRSA(alexaTolerance).Sign(req, cfg)
}

// Serve returns the certificate that Sign names, which is its own root.
func (alexaScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	served, err := servedCertificateOf(key, alexaCertificate, alexaSigner)
	served.Options = map[string]string{alexaRoot: served.Documents[alexaCertificate]}
	return served, err
}

// Sign adds digest and date, and signs them with the target of the request.
func (smartThingsScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if req.URL == nil {
		return errors.New("the URL is missing, which is signed")
	}
	sum := sha256.Sum256(req.Body)
	names := strings.Join(smartThingsSigned, " ")
	req.Header.Set(smartThingsDigest.Header, "SHA-256="+base64.StdEncoding.EncodeToString(sum[:]))
	req.Header.Set(smartThingsDate.Header, senderTime(cfg).UTC().Format(http.TimeFormat))
	signed := reform(req)
	signed.Header[smartThingsNames] = []string{names}
	if err := smartThingsRSA.Sign(signed, cfg); err != nil {
		return err
	}
	req.Header.Set(smartThingsAuth.Header, fmt.Sprintf(`Signature keyId=%q,signature=%q,headers=%q,algorithm=%q`,
		smartThingsKeyID, signed.Header.Get(smartThingsSignature.Header), names, smartThingsWord))
	return nil
}

// Serve returns the certificate that Sign names.
func (smartThingsScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	return servedCertificateOf(key, smartThingsKeyURL+smartThingsKeyID, "key.smartthings.com")
}

// Sign signs with the key that the option's URL serves.
func (connectwiseScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return connectwiseHMAC.Sign(req, cfg)
}

// Sign makes a JWS of the notification, with certificates of tests, and puts the
// time into it. The notification is an object, or a JWS that is made anew.
func (appleScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	key, err := signerKey(cfg)
	if err != nil {
		return err
	}
	claims, err := appleClaims(req)
	if err != nil {
		return err
	}
	claims["signedDate"] = senderTime(cfg).UnixMilli()
	chain, err := appleCertificates(key)
	if err != nil {
		return err
	}
	x5c := make([]string, len(chain))
	for i, der := range chain {
		x5c[i] = base64.StdEncoding.EncodeToString(der)
	}
	head, err := json.Marshal(map[string]any{"alg": "ES256", "x5c": x5c})
	if err != nil {
		return err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
	place := verifiers.Header("Apple-Signature")
	signed := withHeaders(req, map[string]string{jwsInput: text})
	if err := (verifiers.ECDSA{Hash: verifiers.SHA256, Raw: true, Signed: jwsSigned(place)}).Sign(signed, cfg); err != nil {
		return err
	}
	return applePayload.Put(req, text+"."+signed.Header.Get(place.Header))
}

// appleClaims are the notification.
func appleClaims(req *verifiers.Request) (map[string]any, error) {
	value, err := req.JSONAt(applePayload.Pointer)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", applePayload, err)
	}
	claims, isObject := value.(map[string]any)
	if isObject {
		return claims, nil
	}
	text, _ := value.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 || decodeSegment(parts[1], &claims) != nil || claims == nil {
		return nil, fmt.Errorf("reading %s: %w", applePayload, verifiers.ErrMalformed)
	}
	return claims, nil
}

// appleCertificates are a leaf, an intermediate and a root of one key.
func appleCertificates(key *verifiers.Key) ([][]byte, error) {
	if public, ok := key.Public().(*ecdsa.PublicKey); !ok || public.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: a private key of the curve P-256 is needed", verifiers.ErrKeyFormat)
	}
	root, err := certify(key, nil, "test root", true)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(root)
	if err != nil {
		return nil, err
	}
	intermediate, err := certify(key, parsed, "test intermediate", true, appleIntermediateMark)
	if err != nil {
		return nil, err
	}
	if parsed, err = x509.ParseCertificate(intermediate); err != nil {
		return nil, err
	}
	leaf, err := certify(key, parsed, "test leaf", false, appleLeafMark)
	if err != nil {
		return nil, err
	}
	return [][]byte{leaf, intermediate, root}, nil
}

// Serve returns the root certificate. Nothing is fetched.
func (appleScheme) Serve(key *verifiers.Key, _ map[string]string) (verifiers.Served, error) {
	chain, err := appleCertificates(key)
	if err != nil {
		return verifiers.Served{}, err
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[2]})
	return verifiers.Served{Options: map[string]string{appleRoot: string(root)}}, nil
}

// Serve is what the scheme serves.
func (l limited) Serve(key *verifiers.Key, options map[string]string) (verifiers.Served, error) {
	if server, ok := l.Scheme.(verifiers.KeyServer); ok {
		return server.Serve(key, options)
	}
	return verifiers.Served{}, nil
}

// Interface guards.
var (
	_ verifiers.KeyServer = shipEngineScheme{}
	_ verifiers.KeyServer = falScheme{}
	_ verifiers.KeyServer = turnkeyScheme{}
	_ verifiers.KeyServer = dyteScheme{}
	_ verifiers.KeyServer = kickScheme{}
	_ verifiers.KeyServer = travisScheme{}
	_ verifiers.KeyServer = fireblocksScheme{}
	_ verifiers.KeyServer = saleorScheme{}
	_ verifiers.KeyServer = neonScheme{}
	_ verifiers.KeyServer = trueLayerScheme{}
	_ verifiers.KeyServer = googlePush{}
	_ verifiers.KeyServer = chatScheme{}
	_ verifiers.KeyServer = botScheme{}
	_ verifiers.KeyServer = snsScheme{}
	_ verifiers.KeyServer = paypalScheme{}
	_ verifiers.KeyServer = alexaScheme{}
	_ verifiers.KeyServer = smartThingsScheme{}
	_ verifiers.KeyServer = appleScheme{}
	_ verifiers.Signer    = connectwiseScheme{}
	_ verifiers.KeyServer = limited{}
)
