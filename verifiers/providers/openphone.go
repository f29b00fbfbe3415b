package providers

import (
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Quo, which was OpenPhone, has a header of four fields with semicolons, or
// several of those with commas. Subscriptions of its API of 2026-03-30 follow
// Standard Webhooks instead, with the same kind of key.
var OpenPhone = add(verifiers.Provider{
	Name:       "openphone",
	Title:      "Quo (OpenPhone)",
	Docs:       "https://support.quo.com/core-concepts/integrations/webhooks",
	Scheme:     oneOf{openPhone{openPhoneScheme}, verifiers.StandardWebhooks()},
	SecretHint: "the signing secret, in base64 as shown",
	ID:         verifiers.First(verifiers.Header("Webhook-Id"), verifiers.JSON("/id")),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "com.openphone",
	Aliases:    []string{"quo"},
	NeedsJSON:  true,

	Category: "comms",
	Setup:    "Create the webhook under Settings > Integrations > Webhooks; reveal its signing secret there.",
	Signs:    "Time and body with a dot between them, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"The secret is decoded from base64 first.",
	},
	Sources: []string{
		"https://support.quo.com/core-concepts/integrations/webhooks",
	},
	Confidence: verifiers.Medium,
})

var openPhoneHeader = verifiers.Header("Openphone-Signature")

// openPhoneScheme reads signatures of the form hmac;1;time;signature.
var openPhoneScheme = adapted{
	scheme: verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: openPhoneHeader.Split(","),
		Encoding:  verifiers.Base64,
		Content:   "{timestamp}.{body}",
		Timestamp: verifiers.Header("Openphone-Time"),
		Unit:      verifiers.Milliseconds,
		Key:       verifiers.KeyWhsec,
	}},
	places: verifiers.Places{
		Scheme: "hmac-sha256", Covers: verifiers.Coverage{Body: true, Headers: []string{openPhoneHeader.Header}},
		Signature: openPhoneHeader.Trim("hmac;1;"), Tolerance: 5 * time.Minute,
	},
	form: func(r *verifiers.Request) (*verifiers.Request, error) {
		text, err := openPhoneHeader.Lookup(r)
		if err != nil {
			return nil, &verifiers.Error{Field: openPhoneHeader.String(), Err: cause(err)}
		}
		var signatures []string
		at := ""
		for item := range strings.SplitSeq(text, ",") {
			fields := strings.Split(item, ";")
			if len(fields) != 4 || fields[0] != "hmac" || fields[1] != "1" || at != "" && at != fields[2] {
				return nil, &verifiers.Error{Field: openPhoneHeader.String(), Err: verifiers.ErrMalformed}
			}
			at = fields[2]
			signatures = append(signatures, fields[3])
		}
		c := reform(r)
		c.Header[openPhoneHeader.Header] = []string{strings.Join(signatures, ",")}
		c.Header["Openphone-Time"] = []string{at}
		return c, nil
	},
}

// openPhone can sign as well.
type openPhone struct{ adapted }

// Sign adds the header.
func (o openPhone) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	c := reform(req)
	hmac := o.scheme.(verifiers.HMAC) //nolint:forcetypeassert // it is one
	if err := hmac.Sign(c, cfg); err != nil {
		return err
	}
	req.Header.Set(openPhoneHeader.Header, "hmac;1;"+c.Header.Get("Openphone-Time")+";"+c.Header.Get(openPhoneHeader.Header))
	return nil
}

// Interface guards.
var _ verifiers.Signer = openPhone{}
