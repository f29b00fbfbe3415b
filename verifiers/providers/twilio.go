package providers

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/internal/canon"
)

// Twilio signs the URL as configured in its console and either the fields of a
// form or, for JSON, the body's hash, which is then in the URL as bodySHA256.
// Of a form it signs names and values, not the bytes. There is no timestamp,
// and the idempotency token is not signed. Only Event Streams retry by
// themselves. The answer is an empty TwiML document, since calls and messages
// expect one and everything else ignores it.
var Twilio = add(verifiers.Provider{
	Name:       "twilio",
	Title:      "Twilio",
	Docs:       "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
	Scheme:     twilioScheme{},
	SecretHint: "the account's primary Auth Token",
	ID:         verifiers.Header("I-Twilio-Idempotency-Token"),
	Type: verifiers.First(
		verifiers.Form("EventType"), verifiers.Query("EventType"),
		verifiers.Form("StatusCallbackEvent"), verifiers.Query("StatusCallbackEvent"),
		verifiers.Form("MessageStatus"), verifiers.Query("MessageStatus"),
		verifiers.Form("SmsStatus"), verifiers.Query("SmsStatus"),
		verifiers.Form("RecordingStatus"), verifiers.Query("RecordingStatus"),
		verifiers.Form("CallStatus"), verifiers.Query("CallStatus"),
		verifiers.JSON("/EventType"),
		verifiers.JSON("/0/type"),
	),
	TypePrefix:   "com.twilio",
	Methods:      []string{"POST", "GET"},
	Deadline:     15 * time.Second,
	NeverRetries: true,
	Success: verifiers.Reply{
		ContentType: "text/xml",
		Body:        `<?xml version="1.0" encoding="UTF-8"?><Response/>`,
	},
	Headers: []string{"X-Twilio-Signature", "I-Twilio-Idempotency-Token"},

	Category: "comms",
	Setup:    "Enter the URL at the phone number, messaging service or TwiML app. The auth token is in the console under Account Info.",
	Signs:    "The URL followed by the sorted fields of the form, or the URL with bodySHA256",
	Retries:  "None by default; connection overrides in the fragment of the URL turn them on, and with them the header I-Twilio-Idempotency-Token.",
	Notes: []string{
		"The URL is signed as Twilio sees it: behind a proxy the public scheme, host, port and query must be known.",
		"Bodies that are not forms are bound by the parameter bodySHA256 of the URL.",
	},
	Sources: []string{
		"https://www.twilio.com/docs/usage/webhooks/webhooks-security",
		"npm twilio validateRequestWithBody",
	},
	Confidence: verifiers.High,
})

// twilioBodyHash is where the hash of a JSON body is.
var twilioBodyHash = verifiers.Query("bodySHA256")

// twilioURLs are the ways in which the URL may have been written when it was
// signed. Back ends differ in whether they name the port and in how they escape
// the query; Twilio's own library tries the same ones.
var twilioURLs = []func(url.URL) string{
	asReceived,
	func(u url.URL) string { return asReceived(withoutPort(u)) },
	func(u url.URL) string { return asReceived(withPort(u)) },
	func(u url.URL) string { return asReceived(withoutPort(withQuery(u, canon.BrowserQuery))) },
	func(u url.URL) string { return asReceived(withPort(withQuery(u, canon.BrowserQuery))) },
	func(u url.URL) string { return asReceived(withoutPort(withQuery(u, canon.NodeQuery))) },
	func(u url.URL) string { return asReceived(withPort(withQuery(u, canon.NodeQuery))) },
}

func asReceived(u url.URL) string { return u.String() }

func withoutPort(u url.URL) url.URL {
	u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	return u
}

func withPort(u url.URL) url.URL {
	switch {
	case u.Port() != "":
	case u.Scheme == "http":
		u.Host += ":80"
	default:
		u.Host += ":443"
	}
	return u
}

func withQuery(u url.URL, rewrite func(string) string) url.URL {
	u.RawQuery = rewrite(u.RawQuery)
	return u
}

// twilioScheme is one HMAC for each way to write the URL, and the binding of
// the body.
type twilioScheme struct{}

func (twilioScheme) hmac(write func(url.URL) string) verifiers.HMAC {
	return verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Twilio-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{custom}",
			Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
				return appendTwilioFields(append(dst, write(*r.URL)...), r)
			},
			CustomCovers: verifiers.Coverage{Body: true, URL: true},
		},
	}
}

// Build returns a verifier that accepts a signature over any way to write the
// URL.
func (s twilioScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	t := &twilioVerifier{provider: provider}
	for _, write := range twilioURLs {
		v, err := s.hmac(write).Build(provider, cfg)
		if err != nil {
			return nil, err
		}
		t.urls = append(t.urls, v)
	}
	return t, nil
}

// Sign signs the URL as it is. To the URL of a request whose body is not a form
// it adds the body's hash first.
func (s twilioScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if _, err := twilioBodyHash.Lookup(req); errors.Is(err, verifiers.ErrMissing) && len(req.Body) > 0 && !isForm(req) {
		hash := sha256.Sum256(req.Body)
		u := *req.URL
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += twilioBodyHash.Query + "=" + hex.EncodeToString(hash[:])
		req.URL = &u
	}
	return s.hmac(asReceived).Sign(req, cfg)
}

type twilioVerifier struct {
	provider string
	urls     []verifiers.Verifier
}

func (t *twilioVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	res, err := t.verifyURL(ctx, req)
	if err != nil {
		return res, err
	}
	want, err := twilioBodyHash.Lookup(req)
	if errors.Is(err, verifiers.ErrMissing) {
		return res, nil
	}
	if err == nil {
		hash := sha256.Sum256(req.Body)
		if subtle.ConstantTimeCompare([]byte(want), []byte(hex.EncodeToString(hash[:]))) != 1 {
			err = verifiers.ErrMismatch
		}
	}
	if err != nil {
		return verifiers.Result{}, &verifiers.Error{Provider: t.provider, Field: twilioBodyHash.String(), Err: err}
	}
	return res, nil
}

func (t *twilioVerifier) verifyURL(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	var first error
	var tried []string
	for i, v := range t.urls {
		text := twilioURLs[i](*req.URL)
		if slices.Contains(tried, text) {
			continue
		}
		tried = append(tried, text)
		res, err := v.Verify(ctx, req)
		if err == nil || !errors.Is(err, verifiers.ErrMismatch) {
			return res, err
		}
		if first == nil {
			first = err
		}
	}
	return verifiers.Result{}, first
}

// appendTwilioFields appends the fields of a form in the order in which Twilio
// signs them. A body that is bound by its hash adds nothing, and any other body
// would not be signed at all.
func appendTwilioFields(dst []byte, r *verifiers.Request) ([]byte, error) {
	_, err := twilioBodyHash.Lookup(r)
	switch {
	case err == nil || len(r.Body) == 0:
		return dst, nil
	case !errors.Is(err, verifiers.ErrMissing):
		return dst, err
	case !isForm(r):
		return dst, fmt.Errorf("%s: %w", twilioBodyHash, verifiers.ErrMissing)
	}
	form, err := r.Form()
	if err != nil {
		return dst, err
	}
	return canon.AppendForm(dst, form), nil
}

func isForm(r *verifiers.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/x-www-form-urlencoded"
}

// Interface guards.
var _ verifiers.Signer = twilioScheme{}

// Places says where the signature is.
func (s twilioScheme) Places() verifiers.Places { return s.hmac(asReceived).Places() }
