package providers

import (
	"context"
	"encoding/xml"
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// WeChat sorts token, time and nonce and hashes them with SHA-1, without the
// body. In the encrypted mode a second signature covers the encrypted element as
// well; it decides where the option mode says so, whatever else the request has,
// since its absence would be a way around it. The URL is confirmed with the
// first kind.
var WeChatOfficial = add(verifiers.Provider{
	Name:       "wechat-official",
	Title:      "WeChat (official accounts)",
	Docs:       "https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html",
	Scheme:     wechatScheme{},
	SecretHint: "the token, as you typed it",
	Type:       verifiers.Const("message"),
	TypePrefix: "com.qq.weixin",
	Opaque:     true,
	Options: []verifiers.Option{{
		Name: wechatMode, Example: "encrypted",
		Doc: "How messages are sent: plain, which is the preset, or encrypted.",
	}},
	Deadline: 5 * time.Second,
	Success:  verifiers.Reply{Body: "success"},
	Handshakes: []verifiers.Handshake{{
		Name:   "echostr",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Query("echostr").Present()},
		Signed: true,
		Reply:  verifiers.Echo(verifiers.Query("echostr")),
	}},

	Category: "comms",
	Setup:    "Enter URL and token under Basic configuration of the account.",
	Signs:    "Token, time and nonce in order, with SHA-1; in the encrypted mode the encrypted element as well",
	Retries:  "Three times by report.",
	Notes: []string{
		"In the plain mode the body is not signed: choose the encrypted one.",
		"The body is XML: there is no id that the gateway reads, and schemas do not apply.",
		"WeCom confirms its URL in another way and is not taken.",
		"Encrypted messages are published encrypted.",
	},
	Sources: []string{
		"https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html",
		"npm co-wechat@2.4.0",
		"npm wechat-crypto@0.0.2",
	},
	Confidence: verifiers.Medium,
})

const wechatMode = "mode"

var (
	wechatPlain = verifiers.Digest{Hash: verifiers.SHA1, Sorted: true, Signed: verifiers.Signed{
		Signature: verifiers.Query("signature"),
		Content:   "{secret}{timestamp}{query:nonce}",
		Timestamp: verifiers.Query("timestamp"),
	}}
	wechatEncrypted = verifiers.Digest{Hash: verifiers.SHA1, Sorted: true, Signed: verifiers.Signed{
		Signature: verifiers.Query("msg_signature"),
		Content:   "{secret}{timestamp}{query:nonce}{custom}",
		Custom:    wechatElement,
		Timestamp: verifiers.Query("timestamp"),
	}}
)

// wechatScheme is the digest of the mode.
type wechatScheme struct{}

func (wechatScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	plain, err := wechatPlain.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	switch cfg.Options[wechatMode] {
	case "", "plain":
		return plain, nil
	case "encrypted":
	default:
		return nil, fmt.Errorf("%s: %w %s: want plain or encrypted", provider, verifiers.ErrOption, wechatMode)
	}
	encrypted, err := wechatEncrypted.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		if req.Method == "GET" { // the confirmation of the URL, which has no body
			return plain.Verify(ctx, req)
		}
		return encrypted.Verify(ctx, req)
	}), nil
}

// Places says where the signature of the plain mode is.
func (wechatScheme) Places() verifiers.Places { return wechatPlain.Places() }

// Sign adds the signature of the plain mode.
func (wechatScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return wechatPlain.Sign(req, cfg)
}

// wechatElement is the text of the one element Encrypt of the XML body.
func wechatElement(dst []byte, r *verifiers.Request) ([]byte, error) {
	var message struct {
		Encrypt []string `xml:"Encrypt"`
	}
	if err := xml.Unmarshal(r.Body, &message); err != nil || len(message.Encrypt) > 1 {
		return dst, verifiers.ErrMalformed
	}
	if len(message.Encrypt) == 0 || message.Encrypt[0] == "" {
		return dst, verifiers.ErrMissing
	}
	return append(dst, message.Encrypt[0]...), nil
}

// Interface guards.
var (
	_ verifiers.Signer = wechatScheme{}
	_ verifiers.Placer = wechatScheme{}
)
