package conformance

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	strictCure = "compare the whole decoded signature with the one you compute, in constant time, and refuse what does not decode"
	rawCure    = "compute the signature over the bytes as received, before anything parses, trims or decodes them"
)

func signatureChecks() []Check {
	forged := "whoever knows the URL can send events"
	checks := []Check{
		{Code: "signature-missing", Sends: "an event without a signature", Why: forged, Cure: "refuse what has no signature; there is no such thing as an unsigned event", run: signatureMissing},
		{Code: "signature-empty", Sends: "an event whose signature is empty", Why: "an empty signature that is taken for none lets everybody in", Cure: "treat an empty signature as a wrong one", run: signatureEmpty},
		{Code: "signature-garbled", Sends: "an event whose signature does not decode", Why: forged, Cure: strictCure, run: signatureGarbled},
		{Code: "signature-truncated", Sends: "an event with the first half of its signature, and with its first byte", Why: "who compares only as far as the shorter one reaches can be guessed byte by byte", Cure: strictCure, run: signatureTruncated},
		{Code: "signature-longer", Sends: "an event whose signature has more after it", Why: "who compares a prefix compares something else than was computed", Cure: strictCure, run: signatureLonger},
		{Code: "signature-bit", Sends: "an event whose signature differs in one bit", Why: forged, Cure: strictCure, run: signatureBit},
		{Code: "wrong-key", Sends: "events that are signed with another key, and with secrets of examples or what a missing variable becomes, such as undefined", Why: forged, Cure: "verify with your own secret, and with nothing else; do not start without it", run: wrongKey},
		{Code: "empty-key", Sends: "an event that is signed with the empty key", Why: "a secret that is missing in the configuration is the empty one, with which everybody can sign", Cure: "do not start without a secret", run: emptyKey},
		{Code: "body-changed", Sends: "an event of which one byte was changed after it was signed: before the right one came, and after it", Why: "what is not verified can be changed by whoever sees a request; a duplicate has to be verified as well", Cure: rawCure + "; look for duplicates afterwards", run: bodyChanged},
		{Code: "body-trimmed", Sends: "an event with white space after it, added after it was signed", Why: "who trims the body verifies other bytes than it received", Cure: rawCure, run: bodyTrimmed},
		{Code: "body-reserialised", Sends: "an event whose JSON was written in another way after it was signed: with spaces, or in another order", Why: "who verifies JSON that was parsed and written again verifies other bytes than it received; duplicate members and large numbers then differ", Cure: rawCure, run: bodyReserialised},
		{Code: "signature-elsewhere", Sends: "an event whose signature is in a parameter of the URL instead", Why: "parameters end in logs and come through forms; only one place is the sender's", Cure: "read the signature from where the sender writes it, and from nowhere else", run: signatureElsewhere},
	}
	for i := range checks {
		checks[i].Group, checks[i].Severity, checks[i].Wants = "signature", Must, "4xx"
	}
	others := []Check{
		{Code: "body-exact", Severity: Must, Sends: "events that are signed over unusual bytes: spaces, escapes, other order, other numbers, a final line break", Wants: "2xx", Why: "what was signed is bytes; who verifies JSON that was parsed and written again refuses true events", Cure: rawCure, run: bodyExact},
		{Code: "rotation", Severity: Must, Sends: "an event with several signatures of which one is right, first or last", Wants: "2xx", Why: "while a secret is rotated the sender signs with the old one and the new one", Cure: "accept if any of the signatures is right", run: rotation},
		{Code: "rotation-versions", Severity: Must, Sends: "an event with a signature of another version before the right one", Wants: "2xx", Why: "senders add versions of their signatures beside the old ones", Cure: "skip versions that you do not know", run: rotationVersions},
		{Code: "header-case", Severity: Must, Sends: "an event whose headers are written in lower case, and in upper case", Wants: "2xx", Why: "names of headers have no case; proxies and HTTP/2 change it", Cure: "look headers up without regard to case", Rule: "RFC 9110 section 5.1", run: headerCase},
		{Code: "header-space", Severity: Should, Sends: "an event with white space around the values of headers", Wants: "2xx", Why: "white space around a header's value is not part of it", Cure: "let the HTTP library parse headers", Rule: "RFC 9110 section 5.5", run: headerSpace},
		{Code: "header-folded", Severity: Should, Sends: "an event with a header over two lines", Wants: "2xx or 4xx", Why: "a parser that fails on it can be made to fail by anybody", Cure: "use an HTTP server that refuses folded lines or joins them", Rule: "RFC 9112 section 5.2", run: headerFolded},
		{Code: "signature-twice", Severity: Should, Sends: "an event with two headers of the signature, a wrong one and the right one, in both orders, and with both in one header", Wants: "4xx", Why: "a proxy and a receiver that each look at another one can be told different things", Cure: "refuse a request in which the signature's header is there twice", run: signatureTwice},
		{Code: "prefix-missing", Severity: Should, Sends: "an event whose signature lacks the prefix that names its algorithm or version", Wants: "4xx", Why: "who does not look at the prefix takes signatures of other versions for this one", Cure: "require the prefix", run: prefixMissing},
		{Code: "hex-case", Severity: Should, Sends: "an event whose signature is written in upper case", Wants: "2xx or 4xx", Why: "the sender writes lower case; both answers are right, a failure is not", Cure: "decode the signature, and compare bytes", run: hexCase},
		{Code: "many-signatures", Severity: Must, Sends: "an event with 10 000 wrong signatures", Wants: "4xx, at once", Why: "work before the verdict is work for everybody", Cure: "limit the size of headers and the number of signatures", run: manySignatures},
	}
	for i := range others {
		others[i].Group = "signature"
	}
	return append(checks, others...)
}

// mutated refuses an event with another text as the signature.
func (t *trial) mutated(sent string, texts ...func(string) string) {
	for _, f := range texts {
		e, ok := t.event()
		if !ok {
			return
		}
		bad, ok := t.otherwise(e, f)
		if !ok {
			t.skip("its signature is in no place that can be written")
			return
		}
		t.refuse(sent, bad)
	}
}

func raw(f func([]byte) []byte) func(string) string {
	return func(text string) string { return recoded(text, f) }
}

func signatureMissing(t *trial) {
	if e, ok := t.event(); ok {
		bad := without(e, t.places.Signature)
		if bad == nil {
			t.skip("its signature is not in a header or a parameter")
			return
		}
		t.refuse("an event without a signature", bad)
		// Nothing of its header either.
		if h := leaf(t.places.Signature).Header; h != "" && len(bad.req.Header[h]) > 0 {
			bad.req.Header.Del(h)
			t.refuse("an event without the header "+h, bad)
		}
	}
}

func signatureEmpty(t *trial) {
	t.mutated("an event whose signature is empty", func(string) string { return "" })
	if h := leaf(t.places.Signature).Header; h != "" {
		if e, ok := t.event(); ok {
			e.req.Header.Set(h, "")
			t.refuse("an event whose header "+h+" is empty", e)
		}
	}
}

func signatureGarbled(t *trial) {
	t.mutated("an event whose signature does not decode",
		func(s string) string { return "%%" + s[2:] },
		func(string) string { return "undefined" },
		func(s string) string { return strings.Repeat("é", len(s)/2) })
}

func signatureTruncated(t *trial) {
	t.mutated("an event with a part of its signature only",
		raw(func(b []byte) []byte { return b[:len(b)/2] }),
		raw(func(b []byte) []byte { return b[:1] }))
}

func signatureLonger(t *trial) {
	t.mutated("an event whose signature has more after it", raw(func(b []byte) []byte { return append(bytes.Clone(b), 0) }))
}

func signatureBit(t *trial) {
	t.mutated("an event whose signature differs in its last bit", raw(flipped))
	t.mutated("an event whose signature differs in its first bit", raw(func(b []byte) []byte {
		b = bytes.Clone(b)
		b[0] ^= 1
		return b
	}))
}

func wrongKey(t *trial) {
	key, err := t.otherKey()
	if err != nil {
		t.skip("no other key can be made: %v", err)
		return
	}
	t.signedWith("an event that is signed with another key", key)
	for _, text := range defaults {
		key, err := t.firstKey([]string{text, "user:" + text, "whsec_" + base64.StdEncoding.EncodeToString([]byte(text))}, false)
		if err == nil && !slices.Contains(t.target.Secrets, text) {
			t.signedWith("an event that is signed with the secret "+text, key)
		}
	}
}

// defaults are secrets that are nobody's: of examples, and what a variable that is
// missing becomes.
var defaults = []string{"secret", "changeme", "test", "password", "undefined", "null", "None"}

func emptyKey(t *trial) {
	if leaf(t.places.Signature).Header == "Authorization" && t.places.Scheme == "basic" {
		for _, pair := range []string{":", "user:"} {
			if e, ok := t.event(); ok {
				e.req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
				t.refuse("an event without a password", e)
			}
		}
		return
	}
	key, err := t.emptyKey()
	if err != nil || !strings.HasPrefix(t.places.Scheme, "hmac") && !strings.HasPrefix(t.places.Scheme, "jwt-hs") {
		t.skip("the scheme has no empty key")
		return
	}
	t.signedWith("an event that is signed with the empty key", key)
}

func (t *trial) signedWith(sent string, key *verifiers.Key) {
	at := time.Now()
	good, ok := t.eventAt(at)
	if !ok {
		return
	}
	req, err := t.target.Sample("", "", at)
	if err != nil {
		t.skip("%v", err)
		return
	}
	cfg := t.target.Config
	cfg.Keys = verifiers.Keys{key}
	e, err := t.signed(req, t.target.Provider, cfg, at)
	if err != nil {
		t.skip("such a request of %s cannot be made: %v", t.target.Provider.Name, err)
		return
	}
	e.good = good.good
	t.refuse(sent, e)
}
