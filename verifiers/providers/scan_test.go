package providers

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// decodedAdyen is what the signed text of an item is by its decoded members.
func decodedAdyen(item map[string]any) (signature, text string, err error) {
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

// FuzzAdyenText compares the scan of a notification with its decoded members.
func FuzzAdyenText(f *testing.F) {
	for _, s := range []string{
		`{"notificationItems":[{"NotificationRequestItem":{"pspReference":"a\u00e9","amount":{"value":1e2,"currency":"EUR"},"amount":{"currency":"x"},"success":true,"eventCode":null,"additionalData":{"hmacSignature":"\u0041"}}}]}`,
		`{"notificationItems":[{"NotificationRequestItem":{"amount":3,"additionalData":{"hmacSignature":"A"}}},{"NotificationRequestItem":{"success":[],"additionalData":{"hmacSignature":"A"}}}]}`,
		`{"notificationItems":[],"notificationItems":[{"NotificationRequestItem":null,"NotificationRequestItem":{}}]}`,
		`{"notificationItems":{"0":1}}`, `{"notificationItems":[1]}`, `[]`, `{`, `"x"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want []string
		v, wantErr := (&verifiers.Request{Body: body}).JSON()
		if wantErr != nil {
			wantErr = verifiers.ErrMalformed
		} else {
			object, _ := v.(map[string]any)
			list, _ := object["notificationItems"].([]any)
			if len(list) == 0 {
				wantErr = verifiers.ErrMissing
			}
			if len(list) > adyenItems {
				wantErr, list = verifiers.ErrMalformed, nil
			}
			var items []map[string]any
			for _, e := range list {
				wrapper, _ := e.(map[string]any)
				item, ok := wrapper["NotificationRequestItem"].(map[string]any)
				if !ok {
					wantErr, items = verifiers.ErrMalformed, nil
					break
				}
				items = append(items, item)
			}
			for _, item := range items {
				s, text, err := decodedAdyen(item)
				want = append(want, fmt.Sprint(s, "|", text, "|", err))
			}
		}
		items, err := adyenNotifications(&verifiers.Request{Body: body})
		if !errors.Is(err, wantErr) {
			t.Fatalf("got %v, want %v", err, wantErr)
		}
		var got []string
		for _, item := range items {
			s, text, err := adyenText(item)
			got = append(got, fmt.Sprint(s, "|", text, "|", err))
		}
		if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// FuzzSMSParameters compares the scan with the decoded members, apart from bodies
// with a member twice, which only the scan sees.
func FuzzSMSParameters(f *testing.F) {
	for _, s := range []string{`{"a":"b&=\u00e9","n":-1.50e3,"sig":"x"}`, `{"\u0061":"1","a":"1"}`, `{"a":true}`, `{"a":null}`, `{}`, `{"a":{}}`, `{"a":"1"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 || body[0] != '{' {
			return
		}
		want := map[string]string{}
		v, wantErr := (&verifiers.Request{Body: body}).JSON()
		object, ok := v.(map[string]any)
		if !ok && wantErr == nil {
			wantErr = verifiers.ErrMalformed
		}
		for name, value := range object {
			switch value.(type) {
			case string, json.Number:
				want[name] = fmt.Sprint(value)
			default:
				wantErr = verifiers.ErrMalformed
			}
		}
		if wantErr == nil && len(want) > smsMembers {
			return
		}
		got, err := smsParameters(&verifiers.Request{URL: &url.URL{}, Body: body})
		if wantErr == nil && err != nil {
			dec, n := json.NewDecoder(bytes.NewReader(body)), 0
			_, _ = dec.Token()
			for dec.More() {
				_, _ = dec.Token()
				var skip json.RawMessage
				if dec.Decode(&skip) != nil {
					break
				}
				n++
			}
			if n == len(want) {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		if (err == nil) != (wantErr == nil) || err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %q, %v, want %q, %v", got, err, want, wantErr)
		}
	})
}

// decodedSNS is parseSNS with encoding/json.
func decodedSNS(body []byte) (map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, verifiers.ErrMalformed
	}
	msg, seen := map[string]string{}, map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		key, ok := name.(string)
		if err != nil || !ok || seen[key] || shadows(key) {
			return nil, verifiers.ErrMalformed
		}
		seen[key] = true
		var value any
		if dec.Decode(&value) != nil {
			return nil, verifiers.ErrMalformed
		}
		switch value := value.(type) {
		case string:
			msg[key] = value
		case nil:
		default:
			if slices.Contains(snsSigned, key) {
				return nil, verifiers.ErrMalformed
			}
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, verifiers.ErrMalformed
	}
	if len(bytes.TrimLeft(body[dec.InputOffset():], " \t\r\n")) > 0 {
		return nil, verifiers.ErrMalformed
	}
	msg, _, err := checkSNS(msg)
	return msg, err
}

// FuzzParseSNS compares the scan with encoding/json, for bodies in UTF-8: others
// are refused by the scan alone.
func FuzzParseSNS(f *testing.F) {
	const base = `"Type":"Notification","MessageId":"1","Message":"m\u00e9","Timestamp":"t","TopicArn":"a","SignatureVersion":"2","Signature":"s","SigningCertURL":"u"`
	for _, s := range []string{
		"{" + base + "}", "{" + base + `,"x":1,"x":2}`, "{" + base + `,"message":"n"}`, "{" + base + `,"Subject":null}`,
		"{" + base + `,"Subject":{}}`, "{" + base + `,"\u0054ype":"n"}`, "{" + base + "} {", " {" + base + "} ", "[]", "{}", "{" + base + ",}", `{"Signature":5}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		want, wantErr := decodedSNS([]byte(text))
		got, _, err := parseSNS(&verifiers.Request{Body: []byte(text)})
		if (err == nil) != (wantErr == nil) || wantErr != nil && !errors.Is(err, wantErr) {
			t.Fatalf("got %v, want %v", err, wantErr)
		}
		for _, name := range append(snsSigned, snsRequired...) {
			a, inA := want[name]
			if b, inB := got[name]; a != b || inA != inB {
				t.Fatalf("%s: got %q, want %q", name, b, a)
			}
		}
	})
}

// TestHostileBodies: bodies that nobody has signed take next to no memory besides their
// own, and neither do large ones that are authentic.
func TestHostileBodies(t *testing.T) {
	key := strings.Repeat("ab", 32)
	deep := strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)
	deeper := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	wide := strings.Repeat(`{"a":[1,"x"]},`, 10<<20/14) + "1"
	signed := func(hash func() hash.Hash, key []byte, text string) []byte {
		mac := hmac.New(hash, key)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	raw, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	item := func(signature string) string {
		return `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"p","merchantAccountCode":"m","merchantReference":"r",` +
			`"amount":{"value":1,"currency":"EUR"},"eventCode":"E","success":"true","additionalData":{"hmacSignature":"` + signature + `"},"x":%s}}]}`
	}
	good := base64.StdEncoding.EncodeToString(signed(sha256.New, raw, "p::m:r:1:EUR:E:true"))
	for _, v := range []struct {
		name          string
		provider      verifiers.Provider
		config        verifiers.Config
		forged, valid string // with %s for what is large
	}{
		{"Adyen", Adyen, verifiers.Config{Keys: keysOf(t, key)}, item("AAAA"), item(good)},
		{
			"SMS", VonageSMSLegacy,
			verifiers.Config{Keys: keysOf(t, "secret"), Options: map[string]string{smsMethod: "sha256"}},
			`{"sig":"00","timestamp":"1700000000","x":%s}`, "", // nothing in it is nested
		},
		{
			"Graph", MicrosoftGraph,
			verifiers.Config{Keys: keysOf(t, "a-long-client-state-0123456789")},
			`{"value":[{"clientState":"x","x":%s}]}`, `{"value":[{"clientState":"a-long-client-state-0123456789","x":%s}]}`,
		},
		{
			"SNS", AWSSNS,
			verifiers.Config{Fetcher: new(fetches), Options: map[string]string{"topic_arn": "arn:aws:sns:us-east-1:123456789012:n"}},
			`{"Type":"Notification","x":%s}`, "", // what is large is a text, which is signed
		},
	} {
		verifier, err := v.provider.New(v.config)
		if err != nil {
			t.Fatal(err)
		}
		for _, large := range []struct{ name, text string }{{"9,000 deep", deep}, {"100,000 deep", deeper}, {"10 MB", "[" + wide + "]"}} {
			for kind, body := range map[string]string{"forged": v.forged, "valid": v.valid} {
				if body == "" || kind == "valid" && large.name == "100,000 deep" {
					continue
				}
				body := []byte(strings.Replace(body, "%s", large.text, 1))
				verify := func() error {
					_, err := verifier.Verify(t.Context(), &verifiers.Request{Method: "POST", URL: &url.URL{}, Header: http.Header{}, Body: body})
					return err
				}
				if err := verify(); (err == nil) != (kind == "valid") {
					t.Errorf("%s, %s, %s: got %v", v.name, kind, large.name, err)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_ = verify()
				runtime.ReadMemStats(&after)
				if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
					t.Errorf("%s, %s, %s: %d bytes are allocated for a body of %d", v.name, kind, large.name, used, len(body))
				}
			}
		}
	}
}

func keysOf(t *testing.T, secret string) verifiers.Keys {
	t.Helper()
	key, err := verifiers.NewKey("1", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return verifiers.Keys{key}
}
