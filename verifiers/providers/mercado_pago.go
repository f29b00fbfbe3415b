package providers

import (
	"errors"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mercado Pago signs the parameter data.id, the request's id and a time, and not
// the body. What is missing is left out of the text. The documentation asks for
// data.id in lower case and the library takes it as it is, so that both are
// tried. The unit of the time varies, so that it is signed text here and no
// replay window.
var MercadoPago = add(verifiers.Provider{
	Name:       "mercado-pago",
	Title:      "Mercado Pago",
	Docs:       "https://www.mercadopago.com/developers/en/docs/your-integrations/notifications/webhooks",
	Scheme:     oneOf{mercadoPago(false), mercadoPago(true)},
	SecretHint: "the secret signature",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.First(verifiers.JSON("/action"), verifiers.JSON("/type"), verifiers.Query("type"), verifiers.Query("topic")),
	Time:       verifiers.JSON("/date_created"),
	TypePrefix: "com.mercadopago",
	Deadline:   22 * time.Second,
	RetrySpan:  96 * time.Hour,
	Headers:    []string{"X-Request-Id"},

	Category: "payments",
	Setup:    "Add the URL under Your integrations > Webhooks; the secret signature is shown there.",
	Signs:    "The parameter data.id, X-Request-Id and a time, with HMAC-SHA256",
	Retries:  "Every 15 minutes at first, later with longer pauses.",
	Notes: []string{
		"The body is not signed: read the object from the API.",
		"Notifications of QR codes are not signed at all.",
	},
	Sources: []string{
		"https://www.mercadopago.com/developers/en/docs/your-integrations/notifications/webhooks",
		"https://github.com/mercadopago/sdk-nodejs src/utils/webhook",
	},
	Confidence: verifiers.High,
})

var mercadoPagoSignature = verifiers.Header("X-Signature")

// mercadoPago is the HMAC with data.id as it is, or in lower case.
func mercadoPago(lower bool) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.First(mercadoPagoSignature.KV("v1"), mercadoPagoSignature.KV("v1").Split(", ")),
		Content:   "{custom}",
		Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
			return mercadoPagoText(dst, r, lower)
		},
		CustomCovers: verifiers.Coverage{Query: []string{"data.id"}, Headers: []string{"X-Request-Id"}},
	}}
}

func mercadoPagoText(dst []byte, r *verifiers.Request, lower bool) ([]byte, error) {
	for _, part := range []struct {
		name   string
		source verifiers.Source
	}{
		{"id", verifiers.Query("data.id")},
		{"request-id", verifiers.Header("X-Request-Id")},
		{"ts", mercadoPagoSignature.KV("ts")},
	} {
		value, err := part.source.Lookup(r)
		if errors.Is(err, verifiers.ErrMissing) && part.name != "ts" {
			continue
		}
		if err != nil {
			return dst, cause(err)
		}
		switch {
		case part.name == "ts" && strings.Trim(value, "0123456789") != "":
			return dst, verifiers.ErrMalformed
		case lower && part.name == "id":
			value = strings.ToLower(value)
		}
		dst = append(dst, part.name+":"+value+";"...)
	}
	return dst, nil
}
