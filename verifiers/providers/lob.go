package providers

import (
	"strconv"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Lob puts the timestamp into a header of its own and signs it with a dot before
// the body. Its unit is not documented: receivers saw milliseconds, so that 13
// digits are read as these and 10 as seconds. Whichever it is, it is signed as
// it was sent.
var Lob = add(verifiers.Provider{
	Name:       "lob",
	Title:      "Lob",
	Docs:       "https://help.lob.com/print-and-mail/getting-data-and-results/using-webhooks",
	Scheme:     lob{lobScheme},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/event_type/id"),
	Time:       verifiers.JSON("/date_created"),
	TypePrefix: "com.lob",
	NeedsJSON:  true,

	Category: "commerce",
	Setup:    "Create the webhook on the Webhooks page of the dashboard; the secret is in its details.",
	Retries:  "Not documented.",
	Notes: []string{
		"The unit of Lob-Signature-Timestamp is told from its length.",
		"Test and live mode have webhooks and secrets of their own.",
	},
	Sources: []string{
		"https://help.lob.com/print-and-mail/getting-data-and-results/using-webhooks",
	},
	Confidence: verifiers.Medium,
})

var (
	lobTimestamp = verifiers.Header("Lob-Signature-Timestamp")
	lobHMAC      = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("Lob-Signature"),
		Content:   "{header:Lob-Signature-Timestamp}.{body}",
	}}
	lobScheme = adapted{
		scheme: lobHMAC,
		places: verifiers.Places{
			Scheme:    "hmac-sha256",
			Covers:    verifiers.Coverage{Body: true, Headers: []string{lobTimestamp.Header}},
			Signature: verifiers.Header("Lob-Signature"),
			Timestamp: lobTimestamp,
			Unit:      verifiers.Milliseconds,
			Tolerance: 5 * time.Minute,
		},
		parse: parseLobTime,
	}
)

// parseLobTime reads seconds or milliseconds since 1970.
func parseLobTime(text string) (time.Time, error) {
	if len(text) == 10 {
		text += "000"
	}
	if len(text) != 13 || text[0] == '0' {
		return time.Time{}, verifiers.ErrMalformed
	}
	return parseMilliseconds(text)
}

// lob can sign as well.
type lob struct{ adapted }

// Sign adds both headers.
func (lob) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	now := time.Now
	if cfg.Time != nil {
		now = cfg.Time
	}
	req.Header.Set(lobTimestamp.Header, strconv.FormatInt(now().UnixMilli(), 10))
	return lobHMAC.Sign(req, cfg)
}

// Interface guards.
var _ verifiers.Signer = lob{}
