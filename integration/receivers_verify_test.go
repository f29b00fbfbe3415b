package integration

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

var noSignature = refused{http.StatusUnauthorized, "unauthorized"}

// verify is nil if the event comes from the sender.
func (rc *receiver) verify(r *http.Request, body []byte) error {
	switch rc.family {
	case "github", "meta":
		return rc.verifyPrefixed(r, body)
	case "stripe":
		return rc.verifyStripe(r, body)
	case "slack":
		return rc.verifySlack(r, body)
	case "standard-webhooks":
		return rc.verifyStandard(r, body)
	case "pagerduty":
		return rc.verifyPagerDuty(r, body)
	case "gitlab":
		return when(len(r.Header.Values("X-Gitlab-Token")) == 1 && same([]byte(r.Header.Get("X-Gitlab-Token")), []byte(rc.secret)))
	case "postmark":
		user, password, ok := r.BasicAuth()
		return when(ok && len(r.Header.Values("Authorization")) == 1 && same([]byte(user+":"+password), []byte(rc.secret)))
	case "netlify", "plaid":
		return rc.verifyToken(r, body)
	case "twilio":
		return rc.verifyTwilio(r, body)
	case "hubspot-v1":
		sum := sha256.Sum256([]byte(rc.secret + string(body)))
		return when(same(decodeHex(one(r, "X-Hubspot-Signature")), sum[:]))
	}
	return rc.verifyPublic(r, body)
}

func when(ok bool) error {
	if ok {
		return nil
	}
	return noSignature
}

func same(a, b []byte) bool { return len(b) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }

// one is the only value of a header.
func one(r *http.Request, name string) string {
	if values := r.Header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

func decodeHex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

func mac(h func() hash.Hash, key, text string) []byte {
	m := hmac.New(h, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

// equal compares signatures, in the way of the flaw.
func (rc *receiver) equal(got, want []byte) error {
	switch rc.flaw {
	case "signature-truncated":
		return when(len(got) > 0 && bytes.HasPrefix(want, got))
	case "signature-longer":
		return when(bytes.HasPrefix(got, want))
	case "signature-bit":
		return when(len(got) == len(want) && bytes.Equal(got[1:], want[1:]))
	case "refusal-failure":
		if len(got) != len(want) {
			return errors.New("RangeError: input buffers must have the same byte length")
		}
	case "refusal-signature":
		if !same(got, want) {
			return refused{http.StatusUnauthorized, "expected " + hex.EncodeToString(want)}
		}
	case "timing":
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				return noSignature
			}
			for start := time.Now(); time.Since(start) < 3*time.Microsecond; {
			}
		}
		return when(len(got) == len(want))
	}
	return when(same(got, want))
}

// texts are what the signature may be over, in the way of the flaw.
func (rc *receiver) texts(body []byte) []string {
	text := string(body)
	trimmed := strings.TrimSpace(text)
	switch rc.flaw {
	case "body-trimmed":
		return []string{text, trimmed}
	case "trims":
		return []string{trimmed}
	case "body-reserialised", "reserialises":
		var b bytes.Buffer
		if json.Compact(&b, body) != nil {
			break
		}
		if rc.has("reserialises") {
			return []string{b.String()}
		}
		if text == trimmed {
			return []string{text, b.String()}
		}
	case "body-exact":
		var b bytes.Buffer
		if json.Compact(&b, body) == nil && b.String() != text {
			return []string{"not canonical"}
		}
	}
	return []string{text}
}

// verifyPrefixed is GitHub's and Meta's scheme.
func (rc *receiver) verifyPrefixed(r *http.Request, body []byte) error {
	const name, prefix = "X-Hub-Signature-256", "sha256="
	values := r.Header.Values(name)
	keys := []string{rc.secret}
	h := sha256.New
	var text string
	switch {
	case len(values) == 1:
		text = values[0]
	case len(values) > 1 && rc.has("signature-twice"):
		for _, v := range values {
			if same(decodeHex(strings.TrimPrefix(v, prefix)), mac(h, rc.secret, string(body))) {
				return nil
			}
		}
	}
	switch rc.flaw {
	case "accepts-unsigned":
		text = r.Header.Get(name)
		if text == "" {
			return nil
		}
	case "signature-missing":
		if len(values) == 0 {
			return nil
		}
	case "signature-empty":
		if len(values) == 1 && strings.TrimPrefix(values[0], prefix) == "" {
			return nil
		}
	case "signature-elsewhere":
		if q := r.URL.Query().Get("signature"); text == "" && q != "" {
			text = q
		}
	case "algorithm-legacy":
		if v := r.Header.Get("X-Hub-Signature"); text == "" && v != "" {
			return when(same(decodeHex(strings.TrimPrefix(v, "sha1=")), mac(sha1.New, rc.secret, string(body))))
		}
	case "algorithm-downgrade":
		for p, weak := range map[string]func() hash.Hash{"sha1=": sha1.New, "md5=": md5.New} {
			if v, ok := strings.CutPrefix(text, p); ok {
				return when(same(decodeHex(v), mac(weak, rc.secret, string(body))))
			}
		}
	case "wrong-key":
		keys = append(keys, "changeme")
	case "empty-key":
		keys = append(keys, "")
	case "hex-case":
		if text != strings.ToLower(text) {
			return errors.New("upper case")
		}
	}
	got, ok := strings.CutPrefix(text, prefix)
	if !ok && !rc.has("prefix-missing") {
		return noSignature
	}
	err := error(noSignature)
	for _, key := range keys {
		for _, signed := range rc.texts(body) {
			want := mac(h, key, signed)
			if err = rc.equal(decodeHex(got), want); err == nil {
				return nil
			}
		}
	}
	return err
}

// fresh is nil if the time is in the window.
func (rc *receiver) fresh(text string, window time.Duration) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return when(rc.has("timestamp-text"))
	}
	if rc.has("timestamp-unit") && n > 1e11 {
		n /= 1000
	}
	if n < 0 || n > 1<<40 {
		return noSignature
	}
	if rc.has("timestamp-window") {
		window *= 10
	}
	age := time.Since(time.Unix(n, 0))
	return when((age < window || rc.has("timestamp-stale")) && (age > -window || rc.has("timestamp-future")))
}

func (rc *receiver) verifyStripe(r *http.Request, body []byte) error {
	var times, signatures []string
	for item := range strings.SplitSeq(one(r, "Stripe-Signature"), ",") {
		switch name, value, _ := strings.Cut(item, "="); name {
		case "t":
			times = append(times, value)
		case "v1":
			signatures = append(signatures, value)
		}
	}
	switch {
	case len(signatures) == 0, len(times) > 1 && !rc.has("timestamp-changed"):
		return noSignature
	case len(signatures) > 16:
		if rc.has("many-signatures") {
			time.Sleep(1500 * time.Millisecond)
		}
		return noSignature
	case len(times) == 0:
		return when(rc.has("timestamp-missing"))
	}
	if rc.has("rotation") {
		signatures = signatures[:1]
	}
	err := error(noSignature)
	for _, s := range signatures {
		raw, bad := hex.DecodeString(s)
		if bad != nil && rc.has("signature-garbled") {
			return nil
		}
		for _, text := range rc.texts(body) {
			if err = rc.equal(raw, mac(sha256.New, rc.secret, times[0]+"."+text)); err == nil {
				return rc.fresh(times[len(times)-1], 5*time.Minute)
			}
		}
	}
	return err
}

func (rc *receiver) verifySlack(r *http.Request, body []byte) error {
	got, ok := strings.CutPrefix(one(r, "X-Slack-Signature"), "v0=")
	at := one(r, "X-Slack-Request-Timestamp")
	if !ok || at == "" || !same(decodeHex(got), mac(sha256.New, rc.secret, "v0:"+at+":"+string(body))) {
		return noSignature
	}
	return rc.fresh(at, 5*time.Minute)
}

func (rc *receiver) verifyStandard(r *http.Request, body []byte) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(rc.secret, "whsec_"))
	if err != nil {
		return err
	}
	id, at := one(r, "Webhook-Id"), one(r, "Webhook-Timestamp")
	want := mac(sha256.New, string(key), id+"."+at+"."+string(body))
	items := strings.Split(one(r, "Webhook-Signature"), " ")
	if id == "" || at == "" || len(items) > 16 {
		return noSignature
	}
	for i, item := range items {
		version, value, _ := strings.Cut(item, ",")
		if version != "v1" {
			if rc.has("rotation-versions") && i == 0 {
				return noSignature
			}
			continue
		}
		if raw, err := base64.StdEncoding.Strict().DecodeString(value); err == nil && same(raw, want) {
			return rc.fresh(at, 5*time.Minute)
		}
	}
	return noSignature
}

func (rc *receiver) verifyPagerDuty(r *http.Request, body []byte) error {
	items := strings.Split(one(r, "X-Pagerduty-Signature"), ",")
	if len(items) > 16 {
		return noSignature
	}
	for _, item := range items {
		if v, ok := strings.CutPrefix(item, "v1="); ok && same(decodeHex(v), mac(sha256.New, rc.secret, string(body))) {
			return nil
		}
	}
	return noSignature
}

// verifyToken is about JSON Web Tokens.
func (rc *receiver) verifyToken(r *http.Request, body []byte) error {
	name := map[string]string{"netlify": "X-Webhook-Signature", "plaid": "Plaid-Verification"}[rc.family]
	parts := strings.Split(one(r, name), ".")
	if len(parts) != 3 {
		return noSignature
	}
	var header struct{ Alg string }
	var claims struct {
		Issuer string `json:"iss"`
		SHA256 string `json:"sha256"`
		Body   string `json:"request_body_sha256"`
		At     int64  `json:"iat"`
	}
	head, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	payload, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	sig, err3 := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if errors.Join(err1, err2, err3, json.Unmarshal(head, &header), json.Unmarshal(payload, &claims)) != nil {
		return noSignature
	}
	sum := sha256.Sum256(body)
	if rc.family == "netlify" {
		none := strings.EqualFold(header.Alg, "none") && rc.has("jwt-none")
		signed := header.Alg == "HS256" && same(sig, mac(sha256.New, rc.secret, parts[0]+"."+parts[1]))
		issuer := claims.Issuer == "netlify" || rc.has("jwt-issuer")
		return when((signed || none) && issuer && same(decodeHex(claims.SHA256), sum[:]))
	}
	signed := false
	if key, ok := rc.public.(*ecdsa.PublicKey); ok && header.Alg == "ES256" && len(sig) == 64 {
		digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		signed = ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	}
	if rc.has("jwt-confusion") && header.Alg == "HS256" {
		signed = same(sig, mac(sha256.New, rc.secret, parts[0]+"."+parts[1]))
	}
	age := time.Since(time.Unix(claims.At, 0))
	return when(signed && age < 5*time.Minute && age > -5*time.Minute && same(decodeHex(claims.Body), sum[:]))
}

func (rc *receiver) verifyTwilio(r *http.Request, body []byte) error {
	u := rc.url
	if r.URL.RawQuery != "" && !rc.has("url-query") {
		u += "?" + r.URL.RawQuery
	}
	if rc.has("url-host") {
		u = "http://" + r.Host + r.URL.RequestURI()
	}
	if host := r.Header.Get("X-Forwarded-Host"); host != "" && rc.has("url-forwarded") {
		u = "https://" + host + r.URL.RequestURI()
	}
	var fields []string
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return noSignature
		}
		for name, values := range form {
			for _, v := range values {
				fields = append(fields, name+v)
			}
		}
		slices.Sort(fields)
	} else {
		sum := sha256.Sum256(body)
		if !same(decodeHex(r.URL.Query().Get("bodySHA256")), sum[:]) {
			return noSignature
		}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(one(r, "X-Twilio-Signature"))
	return when(err == nil && same(raw, mac(sha1.New, rc.secret, u+strings.Join(fields, ""))))
}

// verifyPublic is about signatures of private keys.
func (rc *receiver) verifyPublic(r *http.Request, body []byte) error {
	switch key := rc.public.(type) {
	case ed25519.PublicKey:
		at := one(r, "X-Signature-Timestamp")
		sig := decodeHex(one(r, "X-Signature-Ed25519"))
		if len(sig) != ed25519.SignatureSize || !ed25519.Verify(key, []byte(at+string(body)), sig) {
			return noSignature
		}
		return rc.fresh(at, 15*time.Minute)
	case *ecdsa.PublicKey:
		at := one(r, "X-Twilio-Email-Event-Webhook-Timestamp")
		sig, err := base64.StdEncoding.Strict().DecodeString(one(r, "X-Twilio-Email-Event-Webhook-Signature"))
		sum := sha256.Sum256([]byte(at + string(body)))
		if err != nil || !ecdsa.VerifyASN1(key, sum[:], sig) {
			return noSignature
		}
		return rc.fresh(at, 24*time.Hour)
	case *rsa.PublicKey:
		sig, err := base64.StdEncoding.Strict().DecodeString(one(r, "X-Postal-Signature"))
		sum := sha1.Sum(body)
		return when(err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], sig) == nil)
	}
	return noSignature
}
