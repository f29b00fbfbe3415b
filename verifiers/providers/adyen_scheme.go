package providers

import (
	"context"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	adyenItem  = "/notificationItems/%d/NotificationRequestItem"
	adyenItems = 1000
)

// adyenSigned are the members that are signed, in their order.
var adyenSigned = []string{
	"pspReference", "originalReference", "merchantAccountCode", "merchantReference",
	"amount/value", "amount/currency", "eventCode", "success",
}

// adyenHMAC verifies one item, whose text is in a header.
var adyenHMAC = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
	Signature: verifiers.Header("Adyen-Signature"),
	Encoding:  verifiers.Base64,
	Content:   "{header:Adyen-Text}",
	Key:       verifiers.KeyHex,
}}

// adyenScheme is an HMAC in each item of a notification.
type adyenScheme struct{}

func (adyenScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := adyenHMAC.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	covers := adyenScheme{}.Places().Covers
	fail := func(field string, err error) (verifiers.Result, error) {
		return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: field, Err: err}
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		items, err := adyenNotifications(req)
		if err != nil {
			return fail("json /notificationItems", err)
		}
		var res verifiers.Result
		for i, item := range items {
			field := fmt.Sprintf("json "+adyenItem+"/additionalData/hmacSignature", i)
			signature, text, err := adyenText(item)
			if err != nil {
				return fail(field, err)
			}
			one, err := inner.Verify(ctx, withHeaders(req, map[string]string{"Adyen-Signature": signature, "Adyen-Text": text}))
			if err != nil {
				return fail(field, cause(err))
			}
			if i == 0 {
				res = one
			}
		}
		res.Covers = &covers
		return res, nil
	}), nil
}

// Places says where the signature of the first item is, and what it covers.
func (adyenScheme) Places() verifiers.Places {
	first := fmt.Sprintf(adyenItem, 0)
	p := verifiers.Places{Scheme: "hmac-sha256", Signature: verifiers.JSON(first + "/additionalData/hmacSignature")}
	for _, name := range adyenSigned {
		p.Covers.Pointers = append(p.Covers.Pointers, first+"/"+name)
	}
	return p
}

func adyenNotifications(req *verifiers.Request) ([]map[string]any, error) {
	body, err := req.JSON()
	if err != nil {
		return nil, verifiers.ErrMalformed
	}
	object, _ := body.(map[string]any)
	list, _ := object["notificationItems"].([]any)
	if len(list) == 0 {
		return nil, verifiers.ErrMissing
	}
	if len(list) > adyenItems {
		return nil, verifiers.ErrMalformed
	}
	items := make([]map[string]any, len(list))
	for i, v := range list {
		wrapper, _ := v.(map[string]any)
		item, ok := wrapper["NotificationRequestItem"].(map[string]any)
		if !ok {
			return nil, verifiers.ErrMalformed
		}
		items[i] = item
	}
	return items, nil
}

// adyenText returns the signature of an item and what it is over. Members that
// are absent are empty.
func adyenText(item map[string]any) (signature, text string, err error) {
	additional, _ := item["additionalData"].(map[string]any)
	signature, _ = additional["hmacSignature"].(string)
	if signature == "" {
		return "", "", verifiers.ErrMissing
	}
	parts := make([]string, len(adyenSigned))
	for i, name := range adyenSigned {
		object := item
		if outer, inner, nested := strings.Cut(name, "/"); nested {
			object, _ = item[outer].(map[string]any)
			name = inner
		}
		switch v := object[name].(type) {
		case nil:
		case map[string]any, []any:
			return "", "", verifiers.ErrMalformed
		default:
			parts[i] = fmt.Sprint(v)
		}
	}
	return signature, strings.Join(parts, ":"), nil
}

// Interface guards.
var _ verifiers.Placer = adyenScheme{}
