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

// What is read of a notification, of an element of its list, and of an item: the
// signed members and then the signature.
var (
	adyenLists   = mustPointers("/notificationItems")
	adyenWrapped = mustPointers("/NotificationRequestItem")
	adyenMembers = mustPointers("/pspReference", "/originalReference", "/merchantAccountCode", "/merchantReference",
		"/amount/value", "/amount/currency", "/eventCode", "/success", "/additionalData/hmacSignature")
)

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

// Sign adds a signature to each item.
func (adyenScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	items, err := adyenNotifications(req)
	if err != nil {
		return fmt.Errorf("reading the items: %w", err)
	}
	for i := range items {
		place := verifiers.JSON(fmt.Sprintf(adyenItem+"/additionalData/hmacSignature", i))
		if err := place.Put(req, "none yet"); err != nil {
			return fmt.Errorf("adding the signature to item %d: %w", i, err)
		}
		signed, err := adyenNotifications(req)
		if err != nil {
			return fmt.Errorf("reading the items: %w", err)
		}
		_, text, err := adyenText(signed[i])
		if err != nil {
			return fmt.Errorf("reading item %d: %w", i, err)
		}
		one := withHeaders(req, map[string]string{"Adyen-Text": text})
		if err := adyenHMAC.Sign(one, cfg); err != nil {
			return err
		}
		if err := place.Put(req, one.Header.Get("Adyen-Signature")); err != nil {
			return fmt.Errorf("adding the signature to item %d: %w", i, err)
		}
	}
	return nil
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

// adyenNotifications returns the JSON texts of the items.
func adyenNotifications(req *verifiers.Request) ([][]byte, error) {
	if req.CheckJSON() != nil {
		return nil, verifiers.ErrMalformed
	}
	found, err := adyenLists.In(req.Body)
	if err != nil {
		return nil, verifiers.ErrMalformed
	}
	if list := found[0]; len(list) == 0 || list[0] != '[' {
		return nil, verifiers.ErrMissing
	}
	var items [][]byte
	for _, wrapper := range verifiers.WalkJSON(found[0]) {
		if len(items) == adyenItems {
			return nil, verifiers.ErrMalformed
		}
		item, err := adyenWrapped.In(wrapper)
		if err != nil || len(item[0]) == 0 || item[0][0] != '{' {
			return nil, verifiers.ErrMalformed
		}
		items = append(items, item[0])
	}
	if len(items) == 0 {
		return nil, verifiers.ErrMissing
	}
	return items, nil
}

// adyenText returns the signature of an item and what it is over. Members that
// are absent are empty.
func adyenText(item []byte) (signature, text string, err error) {
	found, err := adyenMembers.In(item)
	if err != nil {
		return "", "", verifiers.ErrMalformed
	}
	last := len(adyenSigned)
	if signature, _ = verifiers.JSONText(found[last]); signature == "" {
		return "", "", verifiers.ErrMissing
	}
	parts := make([]string, last)
	for i, raw := range found[:last] {
		switch value, isText := verifiers.JSONText(raw); {
		case isText:
			parts[i] = value
		case len(raw) == 0 || raw[0] == 'n':
		case raw[0] == '{' || raw[0] == '[':
			return "", "", verifiers.ErrMalformed
		default:
			parts[i] = string(raw)
		}
	}
	return signature, strings.Join(parts, ":"), nil
}

// Interface guards.
var (
	_ verifiers.Placer = adyenScheme{}
	_ verifiers.Signer = adyenScheme{}
)
