package verifiers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// Sign adds a token with the first of the permitted algorithms that the key is
// made for. The token is valid for 5 minutes, or for ever if it is Timeless. Where
// the token is the whole body its claims are those that the body has: an object
// of JSON, or a token that is signed anew.
func (j JWT) Sign(req *Request, cfg Config) error {
	j, err := j.bind(cfg.Options)
	if err != nil {
		return err
	}
	j, algorithms, err := j.normal()
	if err != nil {
		return err
	}
	k, err := firstKey(cfg)
	if err != nil {
		return err
	}
	claims, err := j.claims(req, cfg)
	if err != nil {
		return err
	}
	for _, name := range j.Algorithms {
		alg := algorithms[name]
		if alg.public != nil && (k.signer == nil || !alg.fits(k.public)) {
			continue
		}
		token, err := k.token(name, alg, j.Key, claims)
		if err != nil {
			return fmt.Errorf("signing: %w", err)
		}
		return j.Token.put(req, token)
	}
	return fmt.Errorf("%w: a private key for one of the permitted algorithms is needed", ErrKeyFormat)
}

func (j JWT) claims(req *Request, cfg Config) (map[string]any, error) {
	now := clock(cfg)
	claims := map[string]any{"iat": now.Unix(), "exp": now.Add(defaultExpiry).Unix()}
	if j.Timeless {
		claims = map[string]any{}
	}
	if j.Token.Whole {
		event, err := bodyClaims(req)
		if err != nil {
			return nil, err
		}
		maps.Copy(event, claims)
		claims = event
	}
	if len(j.Issuers) > 0 {
		claims["iss"] = j.Issuers[0]
	}
	audience, err := j.audience(cfg)
	if err != nil {
		return nil, err
	}
	if audience == audienceURL && req.URL != nil {
		audience = req.URL.String()
	}
	if audience != "" {
		claims["aud"] = audience
	}
	if j.BodyHash != "" {
		h := newHash(j.BodyHashAlg)()
		_, _ = h.Write(req.Body)
		claims[j.BodyHash] = encode(h.Sum(nil), j.BodyHashEncoding)
	}
	return claims, nil
}

// bodyClaims are the claims of a body that is, or becomes, a token.
func bodyClaims(req *Request) (map[string]any, error) {
	text := req.Body
	if parts := strings.Split(string(text), "."); len(parts) == 3 && text[0] != '{' {
		decoded, err := decodeBase64URL(parts[1])
		if err != nil {
			return nil, fmt.Errorf("reading the token in the body: %w", ErrMalformed)
		}
		text = decoded
	}
	claims := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&claims); err != nil || claims == nil {
		return nil, fmt.Errorf("reading the body, which becomes the claims of a token: %w", ErrMalformed)
	}
	return claims, nil
}

func (k *Key) token(name string, alg jwtAlgorithm, format KeyFormat, claims map[string]any) (string, error) {
	header := map[string]any{"alg": name, "typ": "JWT"}
	if k.id != "" {
		header["kid"] = k.id
	}
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
	var sig []byte
	if alg.public == nil {
		m := k.material(alg.hash, format)
		if m.err != nil {
			return "", m.err
		}
		sig = m.sumString(text)
	} else if sig, err = alg.public.sign(k, alg.digest(text)); err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
