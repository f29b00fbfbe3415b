package providers

import (
	"net/http"
	"regexp"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Unisender writes the MD5 of the body into the body, computed with the API key
// in its place. What counts are the bytes as sent. It is a hash and no HMAC,
// which is all that there is. The digest serves as id.
var UniSenderGo = add(verifiers.Provider{
	Name:       "unisender-go",
	Title:      "Unisender Go",
	Docs:       "https://godocs.unisender.ru/web-api-ref#callback-format",
	Scheme:     uniSender,
	SecretHint: "the API key of the project or user",
	ID:         verifiers.JSON("/auth"),
	Type:       verifiers.First(verifiers.JSON("/events_by_user/0/events/0/event_name"), verifiers.JSON("/event_name")),
	TypePrefix: "com.unisender.go",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Handshakes: []verifiers.Handshake{{Name: "check", Method: "GET", Reply: verifiers.Reply{Status: 200}}},

	Category: "comms",
	Setup:    "Set the webhook with the API or in the settings of the project.",
	Signs:    "The body with the API key in place of the signature, hashed with MD5",
	Retries:  "Not documented in detail.",
	Notes: []string{
		"MD5 with the key inside is weak as signatures go.",
		"One request holds the events of several users; it is one event here.",
	},
	Sources: []string{
		"https://godocs.unisender.ru/web-api-ref#callback-format",
	},
	Confidence: verifiers.Medium,
})

var (
	uniSenderAuth = verifiers.JSON("/auth")
	// uniSenderPlace finds the signature in the bytes of the body.
	uniSenderPlace = regexp.MustCompile(`"auth"\s*:\s*"([0-9A-Fa-f]{32})"`)
)

// uniSender cuts the body in two where the signature is.
var uniSender = adapted{
	scheme: verifiers.Digest{Hash: verifiers.MD5, Signed: verifiers.Signed{
		Signature: uniSenderAuth,
		Content:   "{header:Unisender-Before}{secret}{header:Unisender-After}",
	}},
	blank:  "00000000000000000000000000000000",
	places: verifiers.Places{Scheme: "digest-md5", Covers: verifiers.Coverage{Body: true}, Signature: uniSenderAuth},
	form: func(r *verifiers.Request) (*verifiers.Request, error) {
		auth, err := uniSenderAuth.Lookup(r)
		if err != nil {
			return nil, &verifiers.Error{Field: uniSenderAuth.String(), Err: cause(err)}
		}
		// One place, so that nobody else reads another.
		found := uniSenderPlace.FindAllSubmatchIndex(r.Body, 2)
		if len(found) != 1 || string(r.Body[found[0][2]:found[0][3]]) != auth {
			return nil, &verifiers.Error{Field: uniSenderAuth.String(), Err: verifiers.ErrMalformed}
		}
		c := reform(r)
		c.Header = http.Header{
			"Unisender-Before": {string(r.Body[:found[0][2]])}, "Unisender-After": {string(r.Body[found[0][3]:])},
		}
		return c, nil
	},
}
