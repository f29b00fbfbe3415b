package providers

import (
	"crypto/md5" //nolint:gosec // the sender asks for it; see bodyMD5
	"encoding/base64"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The Voice API signs method, MD5 of the body, content type, time and path. The
// key in the header must be that of the application. Most callbacks want
// instructions for the call as the answer, which is for an application to write.
var SinchVoice = add(verifiers.Provider{
	Name:       "sinch-voice",
	Title:      "Sinch (Voice)",
	Docs:       "https://developers.sinch.com/docs/voice/api-reference/authentication/callback-signed-request/",
	Scheme:     sinchVoice{},
	SecretHint: "the application secret, in base64 as shown",
	ID:         verifiers.Join(".", verifiers.JSON("/callid"), verifiers.JSON("/event"), verifiers.JSON("/timestamp")),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.sinch.voice",
	Options:    []verifiers.Option{{Name: sinchKey, Doc: "The key of the application.", Required: true}},
	NeedsJSON:  true,
	Headers:    []string{"X-Timestamp"},

	Category: "comms",
	Setup:    "Enter the callback URL of the Voice application; its key and secret are beside it.",
	Signs:    "Method, MD5 of the body, content type, time and path, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"The secret is decoded from base64 first.",
		"The path is signed without the query, the content type as it was sent.",
	},
	Sources: []string{
		"https://developers.sinch.com/docs/voice/api-reference/authentication/callback-signed-request/",
		"npm @sinch/sdk-client authorization.helper",
	},
	Confidence: verifiers.High,
})

const sinchKey = "application_key"

// sinchVoice is an HMAC of one application.
type sinchVoice struct{}

func (sinchVoice) hmac(key string) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature:    verifiers.Header("Authorization").Trim("Application " + key + ":"),
		Encoding:     verifiers.Base64,
		Content:      "{req:method}\n{custom}\n{header:Content-Type}\nx-timestamp:{timestamp}\n{req:path}",
		Custom:       bodyMD5,
		CustomCovers: verifiers.Coverage{Body: true},
		Timestamp:    verifiers.Header("X-Timestamp"),
		Unit:         verifiers.RFC3339,
		Key:          verifiers.KeyBase64,
	}}
}

// Build returns a verifier for the application of the option.
func (s sinchVoice) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return s.hmac(cfg.Options[sinchKey]).Build(provider, cfg)
}

// Sign adds the signature.
func (s sinchVoice) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return s.hmac(cfg.Options[sinchKey]).Sign(req, cfg)
}

// Places says where signature and time are.
func (s sinchVoice) Places() verifiers.Places {
	p := s.hmac("").Places()
	p.Signature = verifiers.Header("Authorization").Trim("Application ")
	return p
}

// bodyMD5 is the base64 of the body's MD5, nothing if there is no body. The hash
// is under an HMAC, where its collisions do not help: whoever could make use of
// one would have to be the sender.
func bodyMD5(dst []byte, r *verifiers.Request) ([]byte, error) {
	if len(r.Body) == 0 {
		return dst, nil
	}
	sum := md5.Sum(r.Body) //nolint:gosec // see above
	return base64.StdEncoding.AppendEncode(dst, sum[:]), nil
}

// Interface guards.
var (
	_ verifiers.Signer = sinchVoice{}
	_ verifiers.Placer = sinchVoice{}
)
