package gateway_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func TestPayload(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, contentType, body string
		want                    any
	}{
		{"JSON", "application/json", `{"a":1.50}`, map[string]any{"a": json.Number("1.50")}},
		{"JSON of another name", "application/cloudevents+json; charset=utf-8", `[1]`, []any{json.Number("1")}},
		{"JSON without a name", "", `"x"`, "x"},
		{"JSON as text", "text/plain", `{"a":null}`, map[string]any{"a": nil}},
		{"form", form, `a=1&b=2&b=3`, map[string]any{"a": "1", "b": []any{"2", "3"}}},
		{"form with a charset", form + "; charset=utf-8", `a=%7B%7D`, map[string]any{"a": "{}"}},
		{"JSON as a form", form, ` {"a":true}`, map[string]any{"a": true}},
	} {
		got, err := gateway.Payload(tt.contentType, []byte(tt.body))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	for _, tt := range [][2]string{{"application/xml", "<a/>"}, {"application/json", "{"}, {"application/json", ""}, {form, "a=%zz"}} {
		if got, err := gateway.Payload(tt[0], []byte(tt[1])); !errors.Is(err, gateway.ErrNoPayload) {
			t.Errorf("%s %q: got %v, %v", tt[0], tt[1], got, err)
		}
	}
}
