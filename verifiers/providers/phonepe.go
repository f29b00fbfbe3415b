package providers

import (
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// PhonePe repeats the SHA-256 of user name and password. It is the same for all
// requests and protects nothing of them. Some deliveries are said to have the
// word SHA256 before it, which is passed over.
var PhonePe = add(verifiers.Provider{
	Name:       "phonepe",
	Title:      "PhonePe Payment Gateway",
	Docs:       "https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout/api-integration/api-reference/webhook",
	Scheme:     phonepeScheme{},
	SecretHint: "user:password, as entered for the webhook in the dashboard",
	ID: verifiers.Join(".",
		verifiers.First(verifiers.JSON("/payload/merchantRefundId"), verifiers.JSON("/payload/merchantOrderId"), verifiers.JSON("/payload/orderId")),
		verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/type")),
		verifiers.JSON("/payload/state"),
	),
	Type:       verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/type")),
	TypePrefix: "com.phonepe",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Create the webhook under Developer Settings > Webhook of the business dashboard with a user name and a long random password.",
	Signs:    "Nothing: the SHA-256 of user:password is repeated",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"The body is not signed: ask the order status API before goods are sent.",
		"Callbacks of the older API, with X-VERIFY, are another scheme and are refused.",
	},
	Sources: []string{
		"https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout/api-integration/api-reference/webhook",
		"github PhonePe/phonepe-pg-sdk-node src/common/CommonUtils.ts",
	},
	Confidence: verifiers.High,
})

var phonepeDigest = verifiers.Digest{
	Hash: verifiers.SHA256,
	Signed: verifiers.Signed{
		Signature: verifiers.Header("Authorization"),
		Content:   "{secret}{custom}",
		Custom:    func(dst []byte, _ *verifiers.Request) ([]byte, error) { return dst, nil },
	},
}

// phonepeScheme compares a hash that never changes.
type phonepeScheme struct{}

func (s phonepeScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return adapted{scheme: phonepeDigest, places: s.Places(), form: withoutSHA256}.Build(provider, cfg)
}

// Places says where the hash is. Whoever has it can send anything.
func (phonepeScheme) Places() verifiers.Places {
	return verifiers.Places{Scheme: "digest-sha256", Signature: phonepeDigest.Signature, Secret: true}
}

// Sign adds the hash.
func (phonepeScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return phonepeDigest.Sign(req, cfg)
}

func withoutSHA256(r *verifiers.Request) (*verifiers.Request, error) {
	const word = "SHA256 "
	values := r.Header[phonepeDigest.Signature.Header]
	if len(values) != 1 || len(values[0]) < len(word) || !strings.EqualFold(values[0][:len(word)], word) {
		return r, nil
	}
	c := reform(r)
	c.Header[phonepeDigest.Signature.Header] = []string{values[0][len(word):]}
	return c, nil
}

// Interface guards.
var (
	_ verifiers.Signer = phonepeScheme{}
	_ verifiers.Placer = phonepeScheme{}
)
