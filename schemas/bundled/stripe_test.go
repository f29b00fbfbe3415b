package bundled_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stripeTypes are events on the objects whose names are not the beginning of one.
var stripeTypes = map[string]string{
	"dispute":             "charge.dispute.created",
	"subscription":        "customer.subscription.updated",
	"charge":              "charge.succeeded",
	"invoice":             "invoice.paid",
	"invoice_payment":     "invoice_payment.paid",
	"payment_intent":      "payment_intent.succeeded",
	"payment_method":      "payment_method.attached",
	"payout":              "payout.paid",
	"checkout.session":    "checkout.session.completed",
	"review":              "review.opened",
	"setup_intent":        "setup_intent.succeeded",
	"credit_note":         "credit_note.created",
	"quote":               "quote.created",
	"deleted_customer":    "customer.deleted",
	"deleted_coupon":      "coupon.deleted",
	"deleted_invoice":     "invoice.deleted",
	"deleted_plan":        "plan.deleted",
	"deleted_price":       "price.deleted",
	"deleted_product":     "product.deleted",
	"deleted_invoiceitem": "invoiceitem.deleted",
}

// TestStripeFixtures takes each of the objects that Stripe publishes for its mock
// server as what an event is about.
func TestStripeFixtures(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("STRIPE_OPENAPI_DIR")
	if dir == "" {
		t.Skip("set STRIPE_OPENAPI_DIR to a checkout of https://github.com/stripe/openapi")
	}
	data, err := os.ReadFile(filepath.Join(dir, "openapi", "fixtures3.json"))
	if err != nil {
		t.Fatal(err)
	}
	var fixtures struct {
		Resources map[string]json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(data, &fixtures); err != nil {
		t.Fatal(err)
	}
	if len(fixtures.Resources) < 176 {
		t.Fatalf("got %d objects, want at least 176", len(fixtures.Resources))
	}
	set := load(t, "stripe")
	own := 0
	for _, name := range slices.Sorted(maps.Keys(fixtures.Resources)) {
		typ, ok := stripeTypes[name]
		if !ok {
			typ = name + ".updated"
		}
		body, err := json.Marshal(map[string]any{
			"id": "evt_1", "object": "event", "type": typ, "created": 1, "data": map[string]any{"object": fixtures.Resources[name]},
		})
		if err != nil {
			t.Fatal(err)
		}
		address, err := set.Validate(typ, payload(t, sample{Payload: body}))
		if err != nil {
			t.Errorf("%s as %s: %v", name, typ, err)
		}
		if !strings.HasSuffix(address, "/envelope.json") {
			own++
		}
	}
	if own < 30 {
		t.Errorf("%d of the objects have a schema of their own, want at least 30", own)
	}
}
