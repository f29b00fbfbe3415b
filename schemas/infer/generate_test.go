package infer_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// events generates events in the manner of three providers, with what makes
// inferring hard: members that come and go, null, maps with identifiers as keys,
// numbers that seldom have a fraction, values that are rare.
type events struct{ *rand.Rand }

func (g events) one(of ...string) string { return of[g.IntN(len(of))] }

func (g events) chance(percent int) bool { return g.IntN(100) < percent }

func (g events) text(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[g.IntN(len(alphabet))])
	}
	return b.String()
}

func (g events) hex(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte("0123456789abcdef"[g.IntN(16)])
	}
	return b.String()
}

func (g events) number(below int) json.Number { return json.Number(strconv.Itoa(g.IntN(below))) }

func (g events) time() string {
	return time.Unix(1_760_000_000+int64(g.IntN(40_000_000)), 0).UTC().Format(time.RFC3339)
}

func (g events) person() string {
	return g.one("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald") + " " + g.one("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth")
}

func (g events) or(percent int, v any) any {
	if g.chance(percent) {
		return v
	}
	return nil
}

// stripe returns an event of a payment provider.
func (g events) stripe(kind string) map[string]any {
	object := map[string]any{
		"id": "in_" + g.text(24), "object": "invoice", "amount_due": g.number(100_000), "amount_paid": g.number(100_000),
		"currency": g.one("eur", "usd", "gbp", "chf"), "customer": "cus_" + g.text(14), "customer_email": g.or(90, g.hex(6)+"@example.com"),
		"status": g.one("draft", "open", "paid", "void", "uncollectible"), "description": g.or(30, g.person()+" bought something"),
		"due_date": g.or(40, g.number(2_000_000_000)), "hosted_invoice_url": "https://invoice.example.com/i/" + g.text(20),
		"billing_reason": g.one("subscription_create", "subscription_cycle", "manual"), "livemode": g.chance(50),
		"metadata": g.metadata(), "discount": g.or(10, map[string]any{"id": "di_" + g.text(14), "percent_off": json.Number(g.one("10", "12.5", "20"))}),
		"lines": map[string]any{"object": "list", "has_more": false, "data": g.list(4, func() any {
			return map[string]any{
				"id": "il_" + g.text(24), "amount": g.number(10_000), "quantity": g.or(95, g.number(9)), "proration": g.chance(20),
				"period": map[string]any{"start": g.number(2_000_000_000), "end": g.number(2_000_000_000)}, "metadata": g.metadata(),
			}
		})},
		"balances": g.ids("acct_", 3, func() any { return g.number(1_000_000) }),
	}
	if g.chance(60) {
		object["subscription"] = "sub_" + g.text(24)
	}
	if g.chance(70) {
		object["customer_address"] = g.or(80, map[string]any{"city": g.one("Bern", "Paris"), "line1": g.person(), "line2": g.or(20, "x"), "postal_code": g.text(5)})
	}
	event := map[string]any{
		"id": "evt_" + g.text(24), "object": "event", "api_version": "2026-01-28", "created": g.number(2_000_000_000), "livemode": true,
		"pending_webhooks": g.number(4), "type": kind, "data": map[string]any{"object": object},
		"request": map[string]any{"id": g.or(60, "req_"+g.text(14)), "idempotency_key": g.or(60, g.uuid())},
	}
	if kind == "invoice.updated" {
		event["data"].(map[string]any)["previous_attributes"] = map[string]any{g.one("status", "due_date", "description"): g.or(50, "x")}
	}
	return event
}

func (g events) uuid() string {
	return g.hex(8) + "-" + g.hex(4) + "-" + g.hex(4) + "-" + g.hex(4) + "-" + g.hex(12)
}

func (g events) metadata() map[string]any {
	m := map[string]any{}
	for range g.IntN(3) {
		m[g.one("order", "cart", "campaign", "note")+"_"+strconv.Itoa(g.IntN(30))] = g.text(8)
	}
	return m
}

func (g events) ids(prefix string, most int, value func() any) map[string]any {
	m := map[string]any{}
	for range 1 + g.IntN(most) {
		m[prefix+g.text(16)] = value()
	}
	return m
}

func (g events) list(most int, item func() any) []any {
	l := []any{}
	for range g.IntN(most) {
		l = append(l, item())
	}
	return l
}

// github returns an event of a forge.
func (g events) github(action string) map[string]any {
	user := func() any {
		login := g.hex(7)
		return map[string]any{
			"login": login, "id": g.number(1 << 30), "node_id": g.text(16), "type": g.one("User", "User", "User", "Bot", "Organization"), "site_admin": g.chance(3),
			"avatar_url": "https://avatars.example.com/u/" + strconv.Itoa(g.IntN(9999)) + "?v=4", "gists_url": "https://api.example.com/users/" + login + "/gists{/gist_id}",
		}
	}
	issue := map[string]any{
		"id": g.number(1 << 30), "number": g.number(5000), "title": g.person(), "body": g.or(85, g.text(80)), "state": g.one("open", "closed"), "locked": g.chance(5),
		"created_at": g.time(), "updated_at": g.time(), "closed_at": g.or(40, g.time()), "user": user(), "assignee": g.or(40, user()), "assignees": g.list(3, user),
		"milestone":          g.or(20, map[string]any{"id": g.number(1 << 30), "title": g.text(5), "due_on": g.or(50, g.time())}),
		"author_association": g.one("OWNER", "MEMBER", "CONTRIBUTOR", "NONE"), "active_lock_reason": g.or(5, g.one("spam", "resolved")),
		"labels": g.list(4, func() any {
			return map[string]any{"id": g.number(1 << 30), "name": g.text(6), "color": g.hex(6), "default": g.chance(30)}
		}),
		"reactions": map[string]any{"total_count": g.number(9), "+1": g.number(5), "-1": g.number(5), "heart": g.number(5)},
	}
	event := map[string]any{
		"action": action, "issue": issue, "sender": user(),
		"repository": map[string]any{
			"id": g.number(1 << 30), "name": g.text(7), "private": g.chance(30), "homepage": g.or(30, "https://example.com/"+g.text(4)), "size": g.number(9999),
			"language": g.or(80, g.one("Go", "C", "Rust", "Python", "JavaScript")), "visibility": g.one("public", "private", "internal"), "topics": g.list(3, func() any { return g.hex(5) }),
			"html_url": "https://example.com/" + g.text(7), "pushed_at": g.time(), "custom_properties": g.metadata(),
		},
	}
	if action == "labeled" {
		event["label"] = map[string]any{"id": g.number(1 << 30), "name": g.text(6)}
	}
	if g.chance(60) {
		event["organization"] = map[string]any{"login": g.text(6), "id": g.number(1 << 30), "description": g.or(60, g.person())}
	}
	return event
}

// shopify returns an event of a shop.
func (g events) shopify(string) map[string]any {
	money := func() any {
		amount := fmt.Sprintf("%d.%02d", g.IntN(900), g.IntN(100))
		return map[string]any{
			"shop_money":        map[string]any{"amount": amount, "currency_code": g.one("EUR", "USD")},
			"presentment_money": map[string]any{"amount": amount, "currency_code": g.one("EUR", "USD", "CAD")},
		}
	}
	address := func() any {
		return map[string]any{
			"first_name": g.or(97, g.person()), "last_name": g.person(), "address1": g.text(12), "address2": g.or(30, g.text(4)), "phone": g.or(60, "+4930"+string(g.number(99999))),
			"city": g.one("Bern", "Paris", "Oslo"), "zip": g.text(5), "country_code": g.one("CH", "FR", "NO"),
			"latitude": g.or(80, json.Number(fmt.Sprintf("%d.%d", g.IntN(90), 1+g.IntN(99999)))),
		}
	}
	order := map[string]any{
		"id": g.number(1 << 40), "admin_graphql_api_id": "gid://shopify/Order/" + string(g.number(1<<40)), "cancelled_at": g.or(10, g.time()), "cancel_reason": g.or(10, g.one("customer", "fraud", "inventory")),
		"created_at": g.time(), "currency": g.one("EUR", "USD"), "email": g.hex(5) + "@example.org", "financial_status": g.one("paid", "pending", "refunded", "voided", "authorized"),
		"fulfillment_status": g.or(50, g.one("fulfilled", "partial")), "browser_ip": g.or(70, fmt.Sprintf("%d.%d.%d.%d", 1+g.IntN(220), g.IntN(256), g.IntN(256), g.IntN(256))),
		"note": g.or(20, g.person()), "tags": g.one("", "vip", "vip, repeat"), "test": g.chance(10), "total_price": "19.99", "total_price_set": money(), "total_weight": g.number(9999),
		"note_attributes": g.list(2, func() any { return map[string]any{"name": g.text(4), "value": g.text(9)} }), "billing_address": g.or(90, address()),
		"line_items": g.list(5, func() any {
			return map[string]any{
				"id": g.number(1 << 40), "quantity": g.number(9), "price": "9.99", "price_set": money(), "sku": g.or(80, g.text(8)), "taxable": g.chance(80), "grams": g.number(4000),
				"properties": g.list(2, func() any { return map[string]any{"name": "x", "value": g.text(4)} }), "variant_title": g.or(60, g.text(3)),
				"tax_lines": g.list(2, func() any {
					return map[string]any{"title": "VAT", "rate": json.Number(g.one("0.19", "0.07", "0.2")), "price": "1.9"}
				}),
			}
		}),
	}
	if g.chance(50) {
		order["shipping_address"] = address()
	}
	if g.chance(30) {
		order["client_details"] = map[string]any{"user_agent": g.text(30), "accept_language": g.or(70, "de-DE")}
	}
	return order
}
