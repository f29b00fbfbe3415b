package verifiers

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// checkClaims returns the time of issue and the claim at fault.
func (v *jwtVerifier) checkClaims(claims map[string]any, req *Request, now time.Time) (signed time.Time, claim string, err error) {
	if v.BodyHash != "" {
		if err := v.checkBody(claims, req); err != nil {
			return signed, v.BodyHash, err
		}
	}
	if len(v.Issuers) > 0 {
		iss, err := stringClaim(claims, "iss")
		if err == nil && !slices.Contains(v.Issuers, iss) {
			err = ErrUntrusted
		}
		if err != nil {
			return signed, "iss", err
		}
	}
	if err := v.checkAudience(claims, req); err != nil {
		return signed, "aud", err
	}
	return v.checkTimes(claims, now)
}

func (v *jwtVerifier) checkBody(claims map[string]any, req *Request) error {
	text, err := stringClaim(claims, v.BodyHash)
	if err != nil {
		return err
	}
	h := newHash(v.BodyHashAlg)()
	_, _ = h.Write(req.Body)
	var want []byte
	switch v.BodyHashEncoding {
	case Base64:
		want, err = decodeBase64(text)
	case Base64URL:
		want, err = decodeBase64URL(text)
	default:
		want, err = hex.DecodeString(text)
	}
	if err != nil || len(want) != h.Size() {
		return ErrMalformed
	}
	if !hmac.Equal(want, h.Sum(nil)) {
		return ErrMismatch
	}
	return nil
}

func (v *jwtVerifier) checkAudience(claims map[string]any, req *Request) error {
	want := v.text
	if want == "" {
		return nil
	}
	if want == audienceURL {
		if req.URL == nil {
			return ErrMissing
		}
		want = req.URL.String()
	}
	switch aud := claims["aud"].(type) {
	case nil:
		return ErrMissing
	case string:
		if aud == want {
			return nil
		}
	case []any:
		if slices.ContainsFunc(aud, func(a any) bool { s, ok := a.(string); return ok && s == want }) {
			return nil
		}
	default:
		return ErrMalformed
	}
	return ErrUntrusted
}

// checkTimes refuses a token without any time, unless it may be valid for ever.
func (v *jwtVerifier) checkTimes(claims map[string]any, now time.Time) (issued time.Time, claim string, err error) {
	exp, hasExp, err := timeClaim(claims, "exp")
	if err != nil {
		return issued, "exp", err
	}
	nbf, hasNbf, err := timeClaim(claims, "nbf")
	if err != nil {
		return issued, "nbf", err
	}
	issued, hasIat, err := timeClaim(claims, "iat")
	if err != nil {
		return issued, "iat", err
	}
	switch {
	case !hasExp && (v.RequireExpiry || !hasIat && !v.Timeless):
		return issued, "exp", ErrMissing
	case hasExp && now.Sub(exp) > v.tolerance:
		return issued, "exp", ErrStale
	case hasNbf && nbf.Sub(now) > v.tolerance:
		return issued, "nbf", ErrFuture
	case hasIat && issued.Sub(now) > v.tolerance:
		return issued, "iat", ErrFuture
	case !hasExp && !v.Timeless && now.Sub(issued) > v.tolerance:
		return issued, "iat", ErrStale
	}
	return issued, "", nil
}

func stringClaim(claims map[string]any, name string) (string, error) {
	switch v := claims[name].(type) {
	case nil:
		return "", ErrMissing
	case string:
		if v == "" {
			return "", ErrMissing
		}
		return v, nil
	}
	return "", ErrMalformed
}

// timeClaim reads a NumericDate, RFC 7519 section 2, which may have decimals.
func timeClaim(claims map[string]any, name string) (t time.Time, ok bool, err error) {
	switch v := claims[name].(type) {
	case nil:
		return t, false, nil
	case json.Number:
		whole, _, _ := strings.Cut(v.String(), ".")
		if t, err = parseTime(whole, Seconds); err != nil {
			return t, false, err
		}
		return t, true, nil
	}
	return t, false, ErrMalformed
}
