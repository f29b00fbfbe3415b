package conformance

import (
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func bodyChecks() []Check {
	const (
		repeats = "a failure is repeated for days, and says that whatever fails was not thought of"
		limits  = "limit depth and size where you decode, and answer 4xx, or keep the event for somebody to look at"
	)
	checks := []Check{
		{Code: "json-broken", Sends: "signed events whose body is no JSON: cut, with a comma or a NUL too much, NaN, text, an array, a number, null", Why: repeats, Cure: "answer 400, or keep the event for somebody to look at", run: jsonBroken},
		{Code: "json-deep", Sends: "a signed event with 100 000 arrays inside one another", Why: "parsers that call themselves run out of stack, and the process ends", Cure: limits, run: jsonDeep},
		{Code: "json-duplicates", Sends: "a signed event in which a member is there twice", Why: "parsers disagree about which one counts; a failure is none of the answers", Cure: "refuse them, or take one and always the same", Rule: "RFC 8259 section 4", run: jsonDuplicates},
		{Code: "json-bytes", Sends: "signed events with bytes that are not UTF-8, with NUL as an escape, and with half of a surrogate pair", Why: "databases refuse them, and the failure comes up to the sender", Cure: "answer 400, or store bytes as bytes", Rule: "RFC 8259 section 8", run: jsonBytes},
		{Code: "json-numbers", Sends: "signed events with numbers that no type holds", Why: "conversions fail, or change the value", Cure: "keep numbers as they are written until you need them", Rule: "RFC 8259 section 6", run: jsonNumbers},
		{Code: "json-prototype", Sends: "a signed event with members named __proto__ and constructor", Why: "who copies members into an object of JavaScript changes all objects", Cure: "copy members that you know, and no others", run: jsonPrototype},
		{Code: "body-empty", Sends: "a signed event without a body", Why: "anybody can send them", Cure: "answer 400", run: bodyEmpty},
		{Code: "unsigned-garbage", Sends: "bodies that are no JSON, or none at all, with a wrong signature", Why: "who parses before it verifies works for everybody, and fails for everybody", Cure: "verify the bytes first, and parse afterwards", run: unsignedGarbage},
	}
	for i := range checks {
		checks[i].Group, checks[i].Severity, checks[i].Wants = "body", Must, "2xx or 4xx"
	}
	return checks
}

// json calls f with bodies only if the sender's are JSON.
func (t *trial) json(sent string, changes ...change) {
	e, ok := t.event()
	if !ok {
		return
	}
	if !isJSON(e.req) {
		t.skip("its body is not JSON")
		return
	}
	for _, c := range changes {
		if e, ok := t.event(c); ok {
			t.survive(sent, e)
		}
	}
}

func jsonBroken(t *trial) {
	cut := func(req *verifiers.Request) { req.Body = req.Body[:len(req.Body)-1] }
	t.json("a signed event whose JSON is cut", cut)
	t.json("a signed event whose JSON has a comma too much", withRaw(`"conformance":1,`))
	for _, body := range []string{"hello", "[]", "{}", "[1]", "1", `"text"`, "null", "true", "{", "\xef\xbb\xbf{}"} {
		t.json("a signed event whose body is "+body, withBody(body))
	}
	t.json("a signed event with a number that is none", withRaw(`"conformance":NaN`))
	t.json("a signed event with the character NUL", withRaw("\"conformance\":\"a\x00b\""))
}

func jsonDeep(t *trial) {
	const depth = 100_000
	t.json("a signed event with 100 000 arrays inside one another",
		withRaw(`"conformance_deep":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)))
	t.json("a signed event with 100 000 objects inside one another",
		withRaw(`"conformance_deep":`+strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth)))
}

func jsonDuplicates(t *trial) {
	t.json("a signed event in which a member is there twice", withRaw(`"conformance":1,"conformance":2`),
		withRaw(`"id":"other"`), withRaw(`"type":"other"`), withRaw(`"type":{"id":1}`))
}

func jsonBytes(t *trial) {
	t.json("a signed event with bytes that are not UTF-8", withRaw("\"conformance\":\"\xff\xfe\xc3\x28\""))
	t.json("a signed event with NUL as an escape", withRaw(`"conformance":"a\u0000b"`))
	t.json("a signed event with half of a surrogate pair", withRaw(`"conformance":"\ud800"`))
	t.json("a signed event whose member's name is NUL", withRaw(`"\u0000":1`))
}

func jsonNumbers(t *trial) {
	t.json("a signed event with a number that no type holds",
		withRaw(`"conformance":1e400`), withRaw(`"conformance":`+strings.Repeat("9", 5000)),
		withRaw(`"conformance":-0.0e-999999999`))
}

func jsonPrototype(t *trial) {
	t.json("a signed event with a member named __proto__",
		withRaw(`"__proto__":{"conformance":true,"toString":null,"hasOwnProperty":1}`),
		withRaw(`"constructor":{"prototype":{"conformance":true}}`), withRaw(`"toString":1,"hasOwnProperty":1,"length":-1`))
}

func bodyEmpty(t *trial) {
	if e, ok := t.event(withBody("")); ok {
		t.survive("a signed event without a body", e)
	}
}

func unsignedGarbage(t *trial) {
	for _, body := range []string{"", "{", "\xff\xfe", strings.Repeat("[", 100_000), "--\r\n", "%%%=%zz&;"} {
		e, ok := t.event()
		if !ok {
			return
		}
		bad, ok := t.otherwise(e, raw(flipped))
		if !ok {
			t.skip("its signature is not in a header or a parameter")
			return
		}
		bad.req.Body = []byte(body)
		t.survive("a body that is no JSON, with a wrong signature", bad)
	}
}
