package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Dropbox Sign signs time and type of the event and nothing else; all of it is
// inside the field json of a multipart form, or in the body where JSON was
// chosen. It wants a fixed text as the answer, to the test callback as well.
var DropboxSign = add(verifiers.Provider{
	Name:       "dropbox-sign",
	Title:      "Dropbox Sign",
	Docs:       "https://developers.hellosign.com/docs/events/walkthrough/",
	Scheme:     oneOf{dropboxSignJSON, dropboxSignForm},
	SecretHint: "the API key",
	ID:         verifiers.First(verifiers.Join(".", dropboxSignField.Inner("/event/event_hash"), dropboxSignField.Inner("/signature_request/signature_request_id"), dropboxSignField.Inner("/event/event_metadata/related_signature_id")), verifiers.Join(".", verifiers.JSON("/event/event_hash"), verifiers.JSON("/signature_request/signature_request_id"), verifiers.JSON("/event/event_metadata/related_signature_id"))),
	Type:       verifiers.First(dropboxSignField.Inner("/event/event_type"), verifiers.JSON("/event/event_type")),
	Time:       verifiers.First(dropboxSignField.Inner("/event/event_time"), verifiers.JSON("/event/event_time")),
	TypePrefix: "com.dropboxsign",
	Aliases:    []string{"hellosign"},
	MaxBody:    4 << 20,
	RetrySpan:  96 * time.Hour,
	Success:    dropboxSignAnswer,
	Handshakes: []verifiers.Handshake{
		{
			Name:   "callback_test",
			When:   []verifiers.Match{dropboxSignField.Inner("/event/event_type").Is("callback_test")},
			Signed: true,
			Reply:  dropboxSignAnswer,
		},
		{
			Name:   "callback_test",
			When:   []verifiers.Match{verifiers.JSON("/event/event_type").Is("callback_test")},
			Signed: true,
			Reply:  dropboxSignAnswer,
		},
	},

	Category: "saas",
	Setup:    "Enter the URL as account callback, or for the app, under API settings.",
	Signs:    "Time and type of the event, with HMAC-SHA256",
	Retries:  "Up to six times, from 15 minutes to 3 days.",
	Notes: []string{
		"The rest of the event is not signed.",
		"Any answer without the text Hello API Event Received counts as a failure.",
		"The key is used as text, not decoded from hex.",
	},
	Sources: []string{
		"https://developers.hellosign.com/docs/events/walkthrough/",
		"npm @dropbox/sign@1.11.0 EventCallbackHelper",
	},
	Confidence: verifiers.High,
})

var (
	dropboxSignField  = verifiers.Form("json")
	dropboxSignAnswer = verifiers.Reply{Body: "Hello API Event Received"}
	dropboxSignForm   = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: dropboxSignField.Inner("/event/event_hash"),
		Content:   "{timestamp}{custom}",
		Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
			kind, err := dropboxSignField.Inner("/event/event_type").Lookup(r)
			return append(dst, kind...), err
		},
		Timestamp: dropboxSignField.Inner("/event/event_time"),
		Tolerance: 96 * time.Hour, // the time is that of the event
	}}
	dropboxSignJSON = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.JSON("/event/event_hash"),
		Content:   "{timestamp}{json:/event/event_type}",
		Timestamp: verifiers.JSON("/event/event_time"),
		Tolerance: 96 * time.Hour,
	}}
)
