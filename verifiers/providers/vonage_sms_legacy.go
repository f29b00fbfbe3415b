package providers

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The SMS API sends its callbacks by GET, as forms or as JSON, and signs all
// parameters in the order of their names. In values & and = become _. How it
// signs is chosen in the account. We follow the Python library, which writes the
// values as they are; the one for Node escapes them first, and both cannot be
// right. A parameter that is there twice is refused.
var VonageSMSLegacy = add(verifiers.Provider{
	Name:       "vonage-sms-legacy",
	Title:      "Vonage (SMS API, signed with sig)",
	Docs:       "https://developer.vonage.com/en/getting-started/concepts/signing-messages",
	Scheme:     smsScheme{},
	SecretHint: "the signature secret, under API settings",
	ID:         verifiers.Join(".", verifiers.First(verifiers.Form("messageId"), verifiers.Query("messageId"), verifiers.JSON("/messageId")), verifiers.First(verifiers.Form("status"), verifiers.Query("status"), verifiers.JSON("/status")), verifiers.First(verifiers.Form("concat-part"), verifiers.Query("concat-part"), verifiers.JSON("/concat-part"))),
	Type:       verifiers.First(verifiers.Form("status").As("receipt"), verifiers.Query("status").As("receipt"), verifiers.JSON("/status").As("receipt"), verifiers.Const("inbound")),
	TypePrefix: "com.vonage.sms",
	Options: []verifiers.Option{{
		Name: smsMethod, Required: true, Example: "sha256",
		Doc: "The signature method of the account: md5hash, md5, sha1, sha256 or sha512; all but the first are HMACs.",
	}},
	Methods:   []string{"POST", "GET"},
	RetrySpan: 24 * time.Hour,

	Category: "comms",
	Setup:    "Choose the signature method under API settings; the signature secret is shown beside it.",
	Signs:    "All parameters in order, as &name=value, with HMAC or MD5",
	Retries:  "For 24 hours.",
	Notes: []string{
		"The time is that of the event, so that the window is as long as the retries.",
		"md5hash is a hash and no HMAC: choose another method in the account.",
	},
	Sources: []string{
		"https://developer.vonage.com/en/getting-started/concepts/signing-messages",
		"https://github.com/Vonage/vonage-python-sdk http_client/src/vonage_http_client/auth.py",
		"npm @vonage/auth@1.15.0",
	},
	Confidence: verifiers.High,
})

const (
	smsMethod = "method"
	// smsMembers is how many members a body of JSON may have: callbacks have some
	// twenty.
	smsMembers = 1000
)

var (
	smsSignature = verifiers.First(verifiers.Query("sig"), verifiers.Form("sig"), verifiers.JSON("/sig"))
	smsTimestamp = verifiers.First(verifiers.Query("timestamp"), verifiers.Form("timestamp"), verifiers.JSON("/timestamp"))
	smsPlaces    = verifiers.Places{
		Scheme: "hmac-sha256", Covers: verifiers.Coverage{Body: true}, Signature: smsSignature,
		Timestamp: smsTimestamp, Unit: verifiers.Seconds, Tolerance: 24 * time.Hour,
	}
)

// smsScheme is the method that the option names.
type smsScheme struct{}

func (smsScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	a, err := smsAdapted(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	return a.Build(provider, cfg)
}

// Sign signs with the method of the option.
func (smsScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	a, err := smsAdapted(cfg)
	if err != nil {
		return err
	}
	return a.Sign(req, cfg)
}

func smsAdapted(cfg verifiers.Config) (adapted, error) {
	signed := verifiers.Signed{Signature: smsSignature, Content: "{custom}", Custom: smsText, CustomCovers: smsPlaces.Covers}
	a := adapted{places: smsPlaces, parse: parseUnix}
	switch method := cfg.Options[smsMethod]; method {
	case "md5hash":
		signed.Content = "{custom}{secret}"
		a.scheme = verifiers.Digest{Hash: verifiers.MD5, Signed: signed}
	case "md5", "sha1", "sha256", "sha512":
		a.scheme = verifiers.HMAC{Hash: verifiers.Hash(method), Signed: signed}
	default:
		return a, fmt.Errorf("%w %s: want md5hash, md5, sha1, sha256 or sha512", verifiers.ErrOption, smsMethod)
	}
	return a, nil
}

// Places says where the signature is.
func (smsScheme) Places() verifiers.Places { return smsPlaces }

func parseUnix(text string) (time.Time, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || len(text) > 11 || seconds < 0 {
		return time.Time{}, verifiers.ErrMalformed
	}
	return time.Unix(seconds, 0), nil
}

// smsText writes the parameters, whether they are in the query, a form or JSON.
// They must not be in two places, of which consumers would read the other one.
func smsText(dst []byte, r *verifiers.Request) ([]byte, error) {
	params, err := smsParameters(r)
	if err != nil {
		return dst, err
	}
	plain := strings.NewReplacer("&", "_", "=", "_")
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "sig" {
			dst = append(dst, "&"+name+"="+plain.Replace(params[name])...)
		}
	}
	return dst, nil
}

func smsParameters(r *verifiers.Request) (map[string]string, error) {
	params := make(map[string]string)
	add := func(values url.Values) bool {
		for name, list := range values {
			if _, twice := params[name]; twice || len(list) != 1 {
				return false
			}
			params[name] = list[0]
		}
		return true
	}
	if r.URL == nil || !add(r.URL.Query()) {
		return nil, verifiers.ErrMalformed
	}
	if len(r.Body) == 0 {
		return params, nil
	}
	if r.Body[0] != '{' {
		form, err := r.Form()
		if err != nil || !add(form) {
			return nil, verifiers.ErrMalformed
		}
		return params, nil
	}
	if r.CheckJSON() != nil {
		return nil, verifiers.ErrMalformed
	}
	object := make(map[string]string)
	for quoted, raw := range verifiers.WalkJSON(r.Body) {
		name, _ := verifiers.JSONText(quoted)
		value, isText := verifiers.JSONText(raw)
		if _, twice := object[name]; twice || len(object) == smsMembers {
			return nil, verifiers.ErrMalformed
		}
		switch {
		case isText:
		case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
			value = string(raw)
		default:
			return nil, verifiers.ErrMalformed
		}
		object[name] = value
	}
	for name, value := range object {
		if !add(url.Values{name: {value}}) {
			return nil, verifiers.ErrMalformed
		}
	}
	return params, nil
}

// Interface guards.
var (
	_ verifiers.Placer = smsScheme{}
	_ verifiers.Signer = smsScheme{}
)
