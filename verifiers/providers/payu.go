package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// PayU hashes the body followed by the second key and names the hash function
// in the header. The name is not followed: the operator states what his account
// uses, MD5 unless PayU has changed it, so that nobody else can choose. PayU
// India and PayU Latam are other systems.
var PayU = add(verifiers.Provider{
	Name:  "payu",
	Title: "PayU (EMEA)",
	Docs:  "https://developers.payu.com/europe/docs/webhooks/",
	Scheme: hashed{preset: verifiers.MD5, with: func(h verifiers.Hash) verifiers.Digest {
		return verifiers.Digest{Hash: h, Signed: verifiers.Signed{
			Signature: verifiers.First(
				verifiers.Header("Openpayu-Signature").KV("signature").Split(";"),
				verifiers.Header("X-Openpayu-Signature").KV("signature").Split(";"),
			),
			Content: "{body}{secret}",
		}}
	}},
	Options: []verifiers.Option{{
		Name: hashOption,
		Doc:  "The hash function of the point of sale: md5, which is the preset, sha1, sha256, sha384 or sha512.",
	}},
	SecretHint: "the second key (MD5) of the point of sale",
	ID: verifiers.First(
		verifiers.Join(".", verifiers.JSON("/refund/refundId"), verifiers.JSON("/refund/status")),
		verifiers.Join(".", verifiers.JSON("/order/orderId"), verifiers.JSON("/order/status")),
	),
	Type:       verifiers.First(verifiers.JSON("/refund/status"), verifiers.JSON("/order/status")),
	TypePrefix: "com.payu",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,
	Success:    verifiers.Reply{Status: 200},

	Category: "payments",
	Setup:    "Send notifyUrl with each order. The second key is shown at the point of sale in the panel.",
	Signs:    "The body followed by the second key, with a plain hash",
	Retries:  "By report up to 20 times within 72 hours.",
	Notes: []string{
		"A hash with the key at the end is weaker than an HMAC, with MD5 far weaker: ask PayU for SHA-256.",
		"The algorithm that the header names is not followed.",
	},
	Sources: []string{
		"https://developers.payu.com/europe/docs/webhooks/",
		"github PayU-EMEA/openpayu_php lib/OpenPayU/Util.php",
	},
	Confidence: verifiers.High,
})
