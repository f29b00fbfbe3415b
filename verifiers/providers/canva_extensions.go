package providers

import (
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Canva signs time, path and body. The path counts from the base URL of the
// extension. Several signatures are separated by commas, one of which has to
// fit. Most requests want an answer of an application.
var CanvaExtensions = add(verifiers.Provider{
	Name:         "canva-extensions",
	Title:        "Canva (extensions)",
	Docs:         "https://www.canva.dev/docs/extensions/backend-development/verify-request/verify-post-request-signature",
	Scheme:       canvaScheme{},
	SecretHint:   "the client secret of the app, in base64 as shown",
	Type:         verifiers.Const("request"),
	TypePrefix:   "com.canva.extensions",
	Options:      []verifiers.Option{{Name: canvaBase, Doc: "The path of the base URL, if it has one.", Example: "/in/canva"}},
	NeedsJSON:    true,
	NeverRetries: true,

	Category: "saas",
	Setup:    "Enter the URL as base URL of the extension; its client secret is in the developer portal.",
	Signs:    "Time, path and body, with HMAC-SHA256",
	Retries:  "None.",
	Notes: []string{
		"The secret is decoded from base64 first.",
		"Redirects by GET sign their parameters instead and are not taken.",
	},
	Sources: []string{
		"https://www.canva.dev/docs/extensions/backend-development/verify-request/verify-post-request-signature",
	},
	Confidence: verifiers.Medium,
})

const canvaBase = "base_path"

// canvaScheme is an HMAC over a path that counts from the base URL.
type canvaScheme struct{}

func (canvaScheme) hmac(base string) verifiers.HMAC {
	base = strings.TrimSuffix(base, "/")
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Canva-Signatures").Split(","),
		Content:   "v1:{timestamp}:{custom}:{body}",
		Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
			if r.URL == nil {
				return dst, verifiers.ErrMalformed
			}
			path, ok := strings.CutPrefix(r.URL.EscapedPath(), base)
			if !ok {
				return dst, verifiers.ErrMalformed
			}
			return append(dst, path...), nil
		},
		Timestamp: verifiers.Header("X-Canva-Timestamp"),
		Tolerance: 5 * time.Minute,
		Key:       verifiers.KeyBase64,
	}}
}

// Build returns a verifier for the base of the option.
func (c canvaScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return c.hmac(cfg.Options[canvaBase]).Build(provider, cfg)
}

// Sign adds the signature.
func (c canvaScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return c.hmac(cfg.Options[canvaBase]).Sign(req, cfg)
}

// Places says where signatures and time are.
func (c canvaScheme) Places() verifiers.Places { return c.hmac("").Places() }

// Interface guards.
var (
	_ verifiers.Signer = canvaScheme{}
	_ verifiers.Placer = canvaScheme{}
)
