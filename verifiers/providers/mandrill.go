package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mandrill signs the URL as it was entered and the fields of the form in order,
// of which there is one. On saving it sends a HEAD and a form without events
// that is signed with no real key; both are answered, since neither holds
// anything.
var Mandrill = add(verifiers.Provider{
	Name:  "mandrill",
	Title: "Mailchimp Transactional (Mandrill)",
	Docs:  "https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature:    verifiers.Header("X-Mandrill-Signature"),
			Encoding:     verifiers.Base64,
			Content:      "{custom}",
			Custom:       urlAndForm,
			CustomCovers: verifiers.Coverage{Body: true, URL: true},
		},
	},
	SecretHint:   "the key of the webhook",
	ID:           verifiers.Join(".", verifiers.Form("mandrill_events").Inner("/0/_id"), verifiers.Form("mandrill_events").Inner("/0/event"), verifiers.Form("mandrill_events").Inner("/0/ts")),
	Type:         verifiers.First(verifiers.Form("mandrill_events").Inner("/0/event"), verifiers.Form("mandrill_events").Inner("/0/type")),
	Time:         verifiers.Form("mandrill_events").Inner("/0/ts"),
	TypePrefix:   "com.mandrillapp",
	ContentTypes: []string{"application/x-www-form-urlencoded"},
	MaxBody:      16 << 20,
	RetrySpan:    24 * time.Hour,
	Batch: &verifiers.Batch{
		In:   verifiers.Form("mandrill_events"),
		ID:   verifiers.Join(".", verifiers.JSON("/_id"), verifiers.JSON("/event"), verifiers.JSON("/ts")),
		Type: verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/type")),
		Time: verifiers.JSON("/ts"),
	},
	Handshakes: []verifiers.Handshake{
		{Name: "head", Method: "HEAD", Reply: verifiers.Reply{Status: 200}},
		{
			Name:  "test",
			When:  []verifiers.Match{verifiers.Form("mandrill_events").Is("[]")},
			Reply: verifiers.Reply{Status: 200},
		},
	},

	Category: "comms",
	Setup:    "Add the webhook under Settings > Webhooks; its key is shown there once it is saved.",
	Signs:    "The URL and the sorted fields of the form, with HMAC-SHA1",
	Retries:  "About 20 times within 24 hours by report.",
	Notes: []string{
		"Host, path and slash at the end must be as entered.",
		"The signature is of the decoded value of the field.",
	},
	Sources: []string{
		"https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/",
		"https://mandrill.zendesk.com/hc/en-us/articles/205583257-How-to-Authenticate-Webhook-Requests",
	},
	Confidence: verifiers.High,
})

// urlAndForm is the URL, then name and value of each field in order.
func urlAndForm(dst []byte, r *verifiers.Request) ([]byte, error) {
	if r.URL == nil {
		return dst, verifiers.ErrMalformed
	}
	form, err := r.Form()
	if err != nil {
		return dst, verifiers.ErrMalformed
	}
	dst = append(dst, r.URL.String()...)
	for _, field := range sortedFields(form) {
		dst = append(dst, field.name+field.value...)
	}
	return dst, nil
}
