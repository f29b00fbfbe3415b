package providers

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Stream signs what it sends before compression, where that is switched on, and
// says so with a Content-Encoding. A body without one that begins like gzip is
// unpacked to verify it, and published as it came.
var GetStream = add(verifiers.Provider{
	Name:       "getstream",
	Title:      "Stream (GetStream)",
	Docs:       "https://getstream.io/chat/docs/node/webhooks_overview/",
	Scheme:     getStream{},
	SecretHint: "the API secret of the app",
	ID:         verifiers.Header("X-Webhook-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "io.getstream",
	MaxBody:    4 << 20,

	SignsUncompressed: true,

	Headers: []string{"X-Webhook-Id", "X-Webhook-Attempt"},

	Category: "saas",
	Setup:    "Set the webhook URL in the dashboard. For compression, which is switched on there, give the route `limits { decompressed 16MiB }` first.",
	Signs:    "The body before compression, with HMAC-SHA256",
	Retries:  "Not documented in detail.",
	Notes: []string{
		"With compression on, bodies come with `Content-Encoding: gzip`: a route without `decompressed` answers 415.",
		"The id in the header is not signed.",
	},
	Sources: []string{
		"https://getstream.io/chat/docs/node/webhooks_overview/",
		"npm stream-chat@9.53.0 verifyWebhook",
	},
	Confidence: verifiers.High,
})

// A body is unpacked to this size, and to so many times its own: it is not verified
// yet. Stream says that compression makes bodies 70 to 90 % smaller.
const (
	getStreamLargest = 16 << 20
	getStreamRatio   = 32
)

var getStreamPlain = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
	Signature: verifiers.Header("X-Signature"),
	Content:   "{body}",
}}

// getStreamPacked is the signature of a body that came compressed.
var getStreamPacked = adapted{
	scheme: getStreamPlain,
	places: getStreamPlain.Places(),
	form: func(r *verifiers.Request) (*verifiers.Request, error) {
		in, err := gzip.NewReader(bytes.NewReader(r.Body))
		if err != nil {
			return nil, &verifiers.Error{Field: "body", Err: verifiers.ErrMalformed}
		}
		largest := min(getStreamLargest, getStreamRatio*len(r.Body))
		body, err := io.ReadAll(io.LimitReader(in, int64(largest)+1))
		if err != nil || len(body) > largest {
			return nil, &verifiers.Error{Field: "body", Err: verifiers.ErrMalformed}
		}
		c := reform(r)
		c.Body = body
		return c, nil
	},
}

// getStream tells the two kinds of bodies apart as Stream's library does.
type getStream struct{}

func (getStream) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	plain, err := getStreamPlain.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	packed, err := getStreamPacked.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		if bytes.HasPrefix(req.Body, []byte{0x1f, 0x8b}) {
			return packed.Verify(ctx, req)
		}
		return plain.Verify(ctx, req)
	}), nil
}

// Places says where the signature is.
func (getStream) Places() verifiers.Places { return getStreamPlain.Places() }

// Sign adds the signature of a body that is not compressed.
func (getStream) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return getStreamPlain.Sign(req, cfg)
}

// Interface guards.
var (
	_ verifiers.Signer = getStream{}
	_ verifiers.Placer = getStream{}
)
