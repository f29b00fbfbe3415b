package verifiers

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const atlassian = `{"creationDate":"2026-01-02","items":[
	{"cidr":"104.192.136.0/21","product":["bitbucket","jira"],"direction":["egress","ingress"]},
	{"cidr":"2401:1d80:3000::/36","product":["bitbucket"],"direction":["egress"]},
	{"cidr":"192.0.2.0/24","product":["bitbucket"],"direction":["ingress"]},
	{"cidr":"198.51.100.0/24","product":["trello"],"direction":["egress"]},
	{"cidr":"203.0.113.0/24"}]}`

// TestAddressLists: the forms in which senders publish their addresses, and what is
// none of them.
func TestAddressLists(t *testing.T) {
	t.Parallel()
	hooks := AddressList{Pointers: []string{"/hooks"}}
	egress := AddressList{Pointers: []string{"/items"}, Address: "/cidr", Has: map[string]string{"/product": "bitbucket", "/direction": "egress"}}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "10.%d.%d.%d\n", i>>16, i>>8&255, i&255)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, doc string
		list      AddressList
		want      string // "" means an error
		count     int
	}{
		{name: "text", doc: "192.0.2.1\n192.0.2.128/25\n", want: "192.0.2.1/32 192.0.2.128/25"},
		{name: "text with comments, empty lines and CRLF", doc: "\xef\xbb\xbf# ours\r\n\r\n 2001:db8::1 # one\r\n192.0.2.1", want: "192.0.2.1/32 2001:db8::1/128"},
		{name: "bits below the prefix", doc: "192.0.2.77/24", want: "192.0.2.0/24"},
		{name: "twice", doc: "192.0.2.1\n192.0.2.1/32", want: "192.0.2.1/32"},
		{name: "an IPv4 address written as IPv6", doc: "::ffff:192.0.2.1", want: "192.0.2.1/32"},
		{name: "as many as permitted", doc: many(10_000), count: 10_000},
		{name: "too many", doc: many(10_001)},
		{name: "no text", doc: ""},
		{name: "only comments", doc: "# moved\n"},
		{name: "a page", doc: "<!DOCTYPE html>\n<html>"},
		{name: "one that is none", doc: "192.0.2.1\nexample.com"},
		{name: "a port", doc: "192.0.2.1:80"},
		{name: "a zone", doc: "fe80::1%eth0"},
		{name: "everybody", doc: "0.0.0.0/0"},
		{name: "half of everybody", doc: "128.0.0.0/1"},
		{name: "everybody in IPv6", doc: "::/0"},
		{name: "everybody in IPv4 written as IPv6", doc: "::ffff:0.0.0.0/96"},
		{name: "wide networks", doc: "10.0.0.0/8\n2001::/16", want: "10.0.0.0/8 2001::/16"},
		{name: "a wider one", doc: "10.0.0.0/7"},
		{name: "a wider one in IPv6", doc: "2001::/15"},

		{name: "JSON", list: hooks, doc: `{"hooks":["192.0.2.0/24","2001:db8::/32"],"web":["198.51.100.0/24"]}`, want: "192.0.2.0/24 2001:db8::/32"},
		{name: "JSON, one address", list: hooks, doc: `{"hooks":"192.0.2.1"}`, want: "192.0.2.1/32"},
		{name: "JSON, the root", list: AddressList{Pointers: []string{""}}, doc: `["192.0.2.1"]`, want: "192.0.2.1/32"},
		{name: "JSON, two pointers", list: AddressList{Pointers: []string{"/a", "/b/1"}}, doc: `{"a":["192.0.2.1"],"b":["x",["192.0.2.2"]]}`, want: "192.0.2.1/32 192.0.2.2/32"},
		{
			name: "JSON, a star", list: AddressList{Pointers: []string{"/regions/*/ipv4_cidrs"}},
			doc: `{"regions":{"US":{"ipv4_cidrs":["192.0.2.1"]},"EU":{"ipv4_cidrs":["192.0.2.2"]},"AU":{}},"changelog":[{"ipv4_cidrs":["198.51.100.1"]}]}`, want: "192.0.2.1/32 192.0.2.2/32",
		},
		{name: "JSON, a star over an array", list: AddressList{Pointers: []string{"/*/ip"}}, doc: `[{"ip":"192.0.2.1"},{"ip":"192.0.2.2"}]`, want: "192.0.2.1/32 192.0.2.2/32"},
		{name: "JSON, an escaped step", list: AddressList{Pointers: []string{"/a~1b/~0"}}, doc: `{"a/b":{"~":["192.0.2.1"]}}`, want: "192.0.2.1/32"},
		{name: "JSON, chosen objects", list: egress, doc: atlassian, want: "104.192.136.0/21 2401:1d80:3000::/36"},
		{name: "JSON, a word that is no array", list: AddressList{Pointers: []string{"/*"}, Address: "/a", Has: map[string]string{"/k": "v"}}, doc: `[{"a":"192.0.2.1","k":"v"},{"a":"192.0.2.2","k":"w"}]`, want: "192.0.2.1/32"},
		{name: "JSON, no object fits", list: AddressList{Pointers: []string{"/items"}, Address: "/cidr", Has: map[string]string{"/product": "other"}}, doc: atlassian},
		{name: "JSON, an object without an address", list: AddressList{Pointers: []string{""}, Address: "/cidr"}, doc: `[{"cidr":"192.0.2.1"},{}]`},
		{name: "JSON, objects where addresses should be", list: AddressList{Pointers: []string{"/items"}}, doc: atlassian},
		{name: "JSON, addresses where objects should be", list: egress, doc: `{"items":["192.0.2.1"]}`},
		{name: "JSON, no list", list: hooks, doc: `{"message":"API rate limit exceeded"}`},
		{name: "JSON, an empty list", list: hooks, doc: `{"hooks":[]}`},
		{name: "JSON, null", list: hooks, doc: `{"hooks":null}`},
		{name: "JSON, a number", list: hooks, doc: `{"hooks":[1]}`},
		{name: "JSON, arrays in arrays", list: hooks, doc: `{"hooks":[["192.0.2.1"]]}`},
		{name: "JSON, one of two pointers", list: AddressList{Pointers: []string{"/hooks", "/web"}}, doc: `{"hooks":["192.0.2.1"]}`},
		{name: "JSON, cut", list: hooks, doc: `{"hooks":["192.0.2.1"`},
		{name: "text where JSON should be", list: hooks, doc: "192.0.2.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.list.Parse([]byte(tt.doc))
			if tt.want == "" && tt.count == 0 {
				if !errors.Is(err, ErrMalformed) || got != nil {
					t.Errorf("got %v, %v, want %v", got, err, ErrMalformed)
				}
				return
			}
			if tt.count > 0 {
				if len(got) != tt.count || err != nil {
					t.Errorf("got %d, %v, want %d", len(got), err, tt.count)
				}
				return
			}
			var want []netip.Prefix
			for s := range strings.FieldsSeq(tt.want) {
				want = append(want, netip.MustParsePrefix(s))
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}

// TestAddressListCheck: a description that could fetch something else, or nothing.
func TestAddressListCheck(t *testing.T) {
	t.Parallel()
	const good = "https://example.com/ips"
	for _, tt := range []struct {
		name string
		list AddressList
		ok   bool
	}{
		{"text", AddressList{URL: good}, true},
		{"the host alone", AddressList{URL: "https://example.com/"}, true},
		{"a parameter", AddressList{URL: good + "?v=1"}, true},
		{"JSON", AddressList{URL: good, Pointers: []string{"", "/a/*"}, Address: "/cidr", Has: map[string]string{"/b": "c"}}, true},
		{"no URL", AddressList{}, false},
		{"no TLS", AddressList{URL: "http://example.com/ips"}, false},
		{"a port", AddressList{URL: "https://example.com:8443/ips"}, false},
		{"a password", AddressList{URL: "https://a:b@example.com/ips"}, false},
		{"a star in the host", AddressList{URL: "https://*.example.com/ips"}, false},
		{"no pointer", AddressList{URL: good, Pointers: []string{"hooks"}}, false},
		{"no pointer to the address", AddressList{URL: good, Pointers: []string{"/a"}, Address: "cidr"}, false},
		{"an address and no pointer", AddressList{URL: good, Address: "/cidr"}, false},
		{"chosen objects and no address", AddressList{URL: good, Pointers: []string{"/a"}, Has: map[string]string{"/b": "c"}}, false},
		{"a negative size", AddressList{URL: good, MaxBytes: -1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := Provider{Name: "a", Scheme: Basic{}, Addresses: []AddressList{tt.list}}
			if err := p.Check(); (err == nil) != tt.ok {
				t.Errorf("got %v, want it to be good: %v", err, tt.ok)
			}
			pin := tt.list.Pin()
			if tt.ok && (pin.Check(tt.list.URL) != nil || pin.Check("https://example.org/ips") == nil || pin.MaxBytes != maxAddressBytes) {
				t.Errorf("got %+v, want the URL and no other", pin)
			}
		})
	}
}

// TestAddressListName: lists of one document have different names.
func TestAddressListName(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]AddressList{
		"https://example.com/ips":         {URL: "https://example.com/ips"},
		"https://example.com/ips#/a,/b/*": {URL: "https://example.com/ips", Pointers: []string{"/a", "/b/*"}},
		"https://example.com/ips#/items,direction=egress,product=b": {
			URL: "https://example.com/ips", Pointers: []string{"/items"}, Address: "/cidr", Has: map[string]string{"/product": "b", "/direction": "egress"},
		},
	} {
		if got := l.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzAddressList: no document makes a list that permits everybody, and what is read
// once is read again.
func FuzzAddressList(f *testing.F) {
	f.Add([]byte("192.0.2.1\n# x\n2001:db8::/32"), "")
	f.Add([]byte(`{"hooks":["192.0.2.1"]}`), "/hooks")
	f.Add([]byte(atlassian), "/items/*/cidr")
	f.Fuzz(func(t *testing.T, doc []byte, pointer string) {
		l := AddressList{URL: "https://example.com/"}
		if pointer != "" {
			l.Pointers = []string{pointer}
		}
		if l.check() != nil {
			return
		}
		prefixes, err := l.Parse(doc)
		if err != nil {
			return
		}
		var text strings.Builder
		for _, p := range prefixes {
			if !p.IsValid() || p.Bits() < widest4 || p != p.Masked() {
				t.Errorf("got %v", p)
			}
			fmt.Fprintln(&text, p)
		}
		again, err := AddressList{}.Parse([]byte(text.String()))
		if err != nil || !slices.Equal(again, prefixes) {
			t.Errorf("got %v, %v, want %v", again, err, prefixes)
		}
	})
}
