package providers

import (
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Cloudinary hashes body, time and API secret, in this order, which is no HMAC.
// SHA-1 is what an account has unless it asked for SHA-256. Its own library
// takes two hours as tolerance. No single member names a notification, so the
// id is made of several.
var Cloudinary = add(verifiers.Provider{
	Name:   "cloudinary",
	Title:  "Cloudinary",
	Docs:   "https://cloudinary.com/documentation/notification_signatures",
	Scheme: cloudinaryScheme{},
	Options: []verifiers.Option{{
		Name: cloudinaryAlgorithm,
		Doc:  "The account's signature algorithm: sha1, which is the default, or sha256.",
	}},
	SecretHint: "the API secret of the product environment, under API Keys",
	ID: verifiers.Join(".",
		verifiers.First(verifiers.JSON("/request_id"), verifiers.JSON("/asset_id"), verifiers.JSON("/batch_id")), verifiers.JSON("/notification_type"),
		verifiers.JSON("/asset_id"), verifiers.JSON("/batch_id"), verifiers.JSON("/timestamp"),
	),
	Type:       verifiers.JSON("/notification_type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.cloudinary",
	NeedsJSON:  true,
	RetrySpan:  20 * time.Minute,

	Category: "media",
	Setup:    "Add the URL under Settings > Webhook Notifications, or pass notification_url with an upload. The API secret is under API Keys.",
	Signs:    "The hash, SHA-1 or SHA-256, of body, X-Cld-Timestamp and the API secret",
	Retries:  "Up to three times, after 3, 6 and 9 minutes.",
	Notes: []string{
		"The signature is no HMAC. Have the account changed to SHA-256 and set the option signature_algorithm.",
	},
	Sources: []string{
		"https://cloudinary.com/documentation/notification_signatures",
		"npm cloudinary@2.11.0 utils.verifyNotificationSignature",
	},
	Confidence: verifiers.High,
})

const cloudinaryAlgorithm = "signature_algorithm"

// cloudinaryScheme is a digest with the hash of the account.
type cloudinaryScheme struct{}

func (cloudinaryScheme) digest(options map[string]string) (verifiers.Digest, error) {
	d := verifiers.Digest{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Cld-Signature"),
			Timestamp: verifiers.Header("X-Cld-Timestamp"),
			Content:   "{body}{timestamp}{secret}",
			Tolerance: 2 * time.Hour,
		},
	}
	switch options[cloudinaryAlgorithm] {
	case "", "sha1":
	case "sha256":
		d.Hash = verifiers.SHA256
	default:
		return d, fmt.Errorf("%w %s: it must be sha1 or sha256", verifiers.ErrOption, cloudinaryAlgorithm)
	}
	return d, nil
}

// Build returns a verifier for the account's algorithm.
func (s cloudinaryScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	d, err := s.digest(cfg.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	return d.Build(provider, cfg)
}

// Sign signs with the account's algorithm.
func (s cloudinaryScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	d, err := s.digest(cfg.Options)
	if err != nil {
		return err
	}
	return d.Sign(req, cfg)
}

// Places says where signature and timestamp are.
func (s cloudinaryScheme) Places() verifiers.Places {
	d, _ := s.digest(nil)
	return d.Places()
}

// Interface guards.
var (
	_ verifiers.Signer = cloudinaryScheme{}
	_ verifiers.Placer = cloudinaryScheme{}
)
