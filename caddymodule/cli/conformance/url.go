package conformance

import (
	"net/url"
	"strings"
	"time"
)

func urlChecks() []Check {
	checks := []Check{
		{Code: "url-query", Severity: Must, Sends: "an event whose URL has one more parameter than was signed", Wants: "4xx", Why: "the sender signs the URL; who does not look at it can be given other parameters", Cure: "verify the URL as the sender addressed it, with its query", run: urlQuery},
		{Code: "url-forwarded", Severity: Must, Sends: "an event that is signed for another host, alone and with headers such as X-Forwarded-Host that name it", Wants: "4xx", Why: "anybody can write these headers: an event for another receiver with the same secret can then be sent to this one", Cure: "take the URL from your configuration, or trust these headers from your own proxy only", run: urlForwarded},
		{Code: "url-host", Severity: Should, Sends: "an event that is signed for another host, with that host in the header Host", Wants: "4xx", Why: "an event for another receiver with the same secret can be sent to this one", Cure: "take the URL from your configuration, or answer for your own hosts only", run: urlHost},
		{Code: "url-path", Severity: Should, Sends: "events to other ways to write the path: //, /./, /x/../, an escaped letter", Wants: "an answer that is no 5xx", Why: "proxies and receivers that read a path in different ways disagree about what is protected", Cure: "do not normalise the path", run: urlPath},
		{Code: "query-unsigned", Severity: Should, Sends: "an event with parameters that nobody knows: long, doubled, badly escaped", Wants: "an answer that is no 5xx", Why: "anybody can send them", Cure: "ignore parameters that you do not know", run: queryUnsigned},
	}
	for i := range checks {
		checks[i].Group = "url"
	}
	return checks
}

func (t *trial) signsURL() bool {
	if !t.places.Covers.URL {
		t.skip("%s does not sign the URL", t.target.Provider.Name)
	}
	return t.places.Covers.URL
}

func urlQuery(t *trial) {
	if !t.signsURL() {
		return
	}
	if e, ok := t.event(); ok {
		e.req = copied(e.req)
		q := "conformance=1"
		if e.req.URL.RawQuery != "" {
			q = e.req.URL.RawQuery + "&" + q
		}
		e.req.URL.RawQuery = q
		t.refuse("an event whose URL has one more parameter than was signed", e)
	}
}

// elsewhere makes an event that is signed for another host.
func (t *trial) elsewhere(scheme string) (e *event, other *url.URL, ok bool) {
	at := time.Now()
	req, err := t.target.Sample("", "", at)
	if err != nil {
		t.skip("%v", err)
		return nil, nil, false
	}
	req = copied(req)
	other = req.URL
	other.Scheme, other.Host = scheme, "receiver.invalid"
	e, err = t.signed(req, t.target.Provider, t.target.Config, at)
	if err != nil {
		t.skip("%v", err)
		return nil, nil, false
	}
	// It goes to the receiver all the same, which may say what would be right.
	e.req.URL.Scheme, e.req.URL.Host = t.public().Scheme, t.public().Host
	if right, ok := t.eventAt(at); ok {
		e.good = right.good
	}
	return e, other, true
}

func urlForwarded(t *trial) {
	if !t.signsURL() {
		return
	}
	for _, v := range []struct {
		what  string
		names []string
	}{
		{"nothing", nil},
		{"X-Forwarded-Host", []string{"X-Forwarded-Host"}},
		{"Forwarded", []string{"Forwarded"}},
		{"X-Original-Host", []string{"X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-Host"}},
	} {
		e, other, ok := t.elsewhere("https")
		if !ok {
			return
		}
		for _, name := range v.names {
			value := other.Host
			switch name {
			case "Forwarded":
				value = "host=" + other.Host + ";proto=https"
			case "X-Original-URL", "X-Rewrite-URL":
				value = other.String()
			}
			e.req.Header.Set(name, value)
		}
		if v.names != nil {
			e.req.Header.Set("X-Forwarded-Proto", "https")
		}
		t.refuse("an event that is signed for another host, which "+v.what+" names", e)
	}
}

func urlHost(t *trial) {
	if !t.signsURL() {
		return
	}
	if e, other, ok := t.elsewhere(t.public().Scheme); ok {
		e.req.Header.Set("Host", other.Host)
		t.refuse("an event that is signed for another host, which the header Host names", e)
	}
}

func urlPath(t *trial) {
	path := t.target.URL.EscapedPath()
	if len(path) < 2 {
		t.skip("the URL has no path")
		return
	}
	query := ""
	for _, other := range []string{"/" + path, "/." + path, "/x/.." + path, path + "/", path + "/..;/", path + "%00", "/%2e%2e" + path, path[:1] + "%" + hexDigits(path[1]) + path[2:], strings.ToUpper(path)} {
		e, ok := t.event()
		if !ok {
			return
		}
		if q := e.req.URL.RawQuery; q != "" {
			query = "?" + q
		}
		e.wire.target = other + query
		t.survive("an event to "+other, e)
	}
}

func hexDigits(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

func queryUnsigned(t *trial) {
	for _, q := range []string{"a=1&a=2", "%zz=%", "a[]=1&a[b][c]=2", "a=" + strings.Repeat("x", 3000), "a=%00%ff", "a;b;c"} {
		e, ok := t.event()
		if !ok {
			return
		}
		e.req = copied(e.req)
		if old := e.req.URL.RawQuery; old != "" {
			q = old + "&" + q
		}
		e.req.URL.RawQuery = q
		t.survive("an event with the query "+q[:min(len(q), 40)], e)
	}
}
