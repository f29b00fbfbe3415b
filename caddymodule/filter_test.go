package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// filtered is a route with an expression, and what it says about its failures.
type filtered struct {
	*gateway.Route
	metrics *metrics
	log     bytes.Buffer
	*condition
}

// newFiltered makes a route that drops what an expression says. Nothing is
// verified, and nothing stored.
func newFiltered(tb testing.TB, expr string) *filtered {
	tb.Helper()
	f := &filtered{metrics: newMetrics()}
	h := &Handler{Source: "billing", Tenant: "acme", app: &App{metrics: f.metrics}}
	if expr != "" {
		h.DropIf = []Expression{{Expr: expr, Origin: "Caddyfile:7"}}
	}
	h.log = slog.New(slog.NewJSONHandler(&f.log, nil))
	cfg := gateway.Config{
		Tenant: "acme", Source: "billing", Provider: verifiers.Provider{Name: "shop"}, Unverified: true, NoPublish: true, StrictJSON: gateway.StrictOff,
		EventID: verifiers.Header("X-Id"), EventType: verifiers.Header("X-Type"), EventTime: verifiers.Header("X-Time"),
		OrderKey: verifiers.Header("X-Key"),
	}
	if err := h.filters(&cfg); err != nil {
		tb.Fatal(err)
	}
	if expr != "" {
		f.condition = cfg.DropIf[0].(*condition)
	}
	var err error
	if f.Route, err = gateway.New(cfg); err != nil {
		tb.Fatal(err)
	}
	return f
}

// send says whether the event was dropped, and how many expressions failed.
func (f *filtered) send(body string, header ...string) (dropped bool, failures int) {
	req := httptest.NewRequest(http.MethodPost, "https://hooks.example.com/in?k=v&two=1&two=2", strings.NewReader(body))
	req.Header = http.Header{"Content-Type": {"application/json"}, "X-Id": {"evt_1"}, "X-Type": {"invoice.paid"}, "X-Time": {"1767323045"}}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Content-Type" {
			req.Header.Del(name)
		}
		req.Header.Add(name, value)
	}
	res := f.Handle(httptest.NewRecorder(), gateway.Request{Request: req, URL: req.URL})
	return res.Outcome == gateway.Dropped, res.FilterErrors
}

const filterBody = `{"action":"labeled","n":3,"f":2.5,"whole":2.0,"exp":1e3,"big":18446744073709551615,"huge":18446744073709551616,
	"inf":1e999,"neg":-7,"yes":true,"no":false,"nothing":null,"empty":"","text":"A \"quoted\" t\u00e9xt","labels":["bug","urgent"],
	"items":[{"sku":"a","qty":1},{"sku":"b","qty":20}],"user":{"login":"octo","id":12},"amounts":[1,2.5],"list":[],"a/b":{"~":1},
	"when":"2026-01-02T03:04:05Z","id1":12345678901234567890,"re":"["}`

// TestExpressions evaluates expressions over one event: true is dropped, false is
// kept, and a word is why it cannot be told, after which it is kept as well.
func TestExpressions(t *testing.T) {
	t.Setenv("FILTER_ENV", "labeled")
	for expr, want := range map[string]string{
		// Placeholders.
		`{webhooks.json./action} == 'labeled'`:                                         "true",
		`{webhooks.json./action} == "labeled" && {webhooks.source} == "billing"`:       "true",
		`{webhooks.tenant} + '/' + {webhooks.source} == 'acme/billing'`:                "true",
		`{webhooks.provider} == 'shop' && {webhooks.trust} == 'unverified'`:            "true",
		`{webhooks.event_id} == 'evt_1' && {webhooks.id} == 'evt_1'`:                   "true",
		`{webhooks.event_type} == 'invoice.paid' && {webhooks.type} != 'x'`:            "true",
		`{webhooks.event_time} == timestamp('2026-01-02T03:04:05Z')`:                   "true",
		`{webhooks.event_time}.getFullYear() == 2026`:                                  "true",
		`{webhooks.received} - {webhooks.event_time} > duration('1h')`:                 "true",
		`{webhooks.size} > 100 && {webhooks.size} < 10000`:                             "true",
		`{webhooks.order_key} == 'x'`:                                                  reasonMissing,
		`{webhooks.key_id} == 'x'`:                                                     reasonMissing,
		`has({webhooks.order_key}) || has({webhooks.key_id})`:                          "false",
		`has({webhooks.event_time}) && has({webhooks.source}) && has({webhooks.type})`: "true",
		`{header.X-Type} == 'invoice.paid' && {http.request.header.x-id} != 'evt'`:     "true",
		`{header.X-Nothing} == 'x'`:                                                    reasonMissing,
		`has({header.X-Nothing})`:                                                      "false",
		`{header.X-Twice} == 'a'`:                                                      reasonMalformed,
		`has({header.X-Twice})`:                                                        reasonMalformed,
		`{query.k} == 'v' && {http.request.uri.query.k}.startsWith('v')`:               "true",
		`{query.two} == '1'`:                                                           reasonMalformed,
		`{env.FILTER_ENV} == {webhooks.json./action} && has({env.FILTER_ENV})`:         "true",
		`{webhooks.form.a} == 'x'`:                                                     reasonMissing,
		`{webhooks.json./a~1b/~0} == 1`:                                                "true",
		`{webhooks.json./items/1/sku} == 'b'`:                                          "true",
		`{webhooks.json./items/2/sku} == 'b'`:                                          reasonMissing,
		`{webhooks.json./text} == 'A "quoted" t\u00e9xt'`:                              "true",
		`'{' + {webhooks.json./action} + '}' == '{labeled}'`:                           "true",
		`{'a': 1}.a == 1 && {"labeled": true}[{webhooks.json./action}]`:                "true",
		"{webhooks.json./action} == 'labeled' // as {webhooks.json./action} says\n":    "true",
		`{webhooks.json./text}.contains(r'\') || {webhooks.json./n} == 4`:              "false",

		// Numbers.
		`{webhooks.json./n} == 3 && {webhooks.json./n} > 2 && {webhooks.json./n} < 3.5`: "true",
		`{webhooks.json./n} == '3'`:                                                                    "false",
		`string({webhooks.json./n}) == '3'`:                                                            "true",
		`{webhooks.json./f} > 2 && {webhooks.json./f} == 2.5`:                                          "true",
		`{webhooks.json./whole} == 2 && {webhooks.json./exp} == 1000`:                                  "true",
		`{webhooks.json./neg} + 8 == 1`:                                                                "true",
		`{webhooks.json./f} * 2 == 5`:                                                                  reasonType,
		`{webhooks.json./f} * 2.0 == 5.0 && double({webhooks.json./n}) / 2.0 == 1.5`:                   "true",
		`{webhooks.json./big} == 18446744073709551615u && {webhooks.json./big} > 1`:                    "true",
		`{webhooks.json./id1} == 12345678901234567891u`:                                                "false",
		`{webhooks.json./huge} > 1`:                                                                    reasonType,
		`{webhooks.json./inf} > 1`:                                                                     reasonType,
		`{webhooks.json}.huge > 1`:                                                                     reasonType,
		`{webhooks.json./n} / ({webhooks.json./n} - 3) == 1`:                                           reasonEvaluation,
		`int({webhooks.json./action}) == 1`:                                                            reasonType,
		`{webhooks.json./amounts}[1] == 2.5 && {webhooks.json./amounts}.exists(a, a == 1)`:             "true",
		`{webhooks.json./items}.map(i, i.qty) == [1, 20] && math.greatest({webhooks.json./n}, 1) == 3`: "true",

		// Booleans, null, what is not there.
		`{webhooks.json./yes} == true && !({webhooks.json./no} == true)`:          "true",
		`bool({webhooks.json./yes})`:                                              "true",
		`{webhooks.json./yes} && {webhooks.json./n} == 3`:                         "true",
		`{webhooks.json./n} && {webhooks.json./no}`:                               "false",
		`{webhooks.json./n} && {webhooks.json./yes}`:                              reasonType,
		`{webhooks.json./nothing} == null && has({webhooks.json./nothing})`:       "true",
		`{webhooks.json./empty} == '' && has({webhooks.json./empty})`:             "true",
		`{webhooks.json./missing} == null`:                                        reasonMissing,
		`has({webhooks.json./missing})`:                                           "false",
		`has({webhooks.json./missing}) && {webhooks.json./missing} == 1`:          "false",
		`{webhooks.json./missing} == 1 || {webhooks.json./n} == 3`:                "true",
		`{webhooks.json./missing} == 1 && {webhooks.json./n} == 4`:                "false",
		`{webhooks.json}.?user.?name.orValue('nobody') == 'nobody'`:               "true",
		`has({webhooks.json}.user.login) && !has({webhooks.json}.user.name)`:      "true",
		`{webhooks.json}.user.name == 'x'`:                                        reasonMissing,
		`{webhooks.json}['a/b']['~'] == 1`:                                        "true",
		`{webhooks.json./user}.login == 'octo' && {webhooks.json./user}.id == 12`: "true",
		`{webhooks.json./labels}[2] == 'x'`:                                       reasonMissing,
		`{webhooks.json./n}.a == 1`:                                               reasonMissing,
		`{webhooks.json./action} > 3`:                                             reasonType,

		// Texts and lists.
		`{webhooks.json./action}.startsWith('lab') && {webhooks.json./action}.endsWith('ed')`:   "true",
		`{webhooks.json./text}.contains('quoted') && {webhooks.json./action}.matches('^l.+d$')`: "true",
		`{webhooks.json./text}.lowerAscii().startsWith('a ')`:                                   "true",
		`{webhooks.json./action}.matches({webhooks.json./re})`:                                  reasonEvaluation,
		`'bug' in {webhooks.json./labels} && !('wontfix' in {webhooks.json./labels})`:           "true",
		`{webhooks.json./action} in ['labeled', 'unlabeled']`:                                   "true",
		`size({webhooks.json./labels}) == 2 && {webhooks.json./list} == []`:                     "true",
		`{webhooks.json./items}.exists(i, i.sku == 'b' && i.qty > 10)`:                          "true",
		`{webhooks.json./items}.all(i, i.qty > 10)`:                                             "false",
		`{webhooks.json./items}.exists(i, i.color == 'red')`:                                    reasonMissing,
		`{webhooks.json./items}.exists(i, i.?color.orValue('') == 'red')`:                       "false",
		`{webhooks.json./items}.filter(i, i.qty > 10).size() == 1`:                              "true",
		`{webhooks.json./action}.exists(i, i == 1)`:                                             reasonType,
		`timestamp({webhooks.json./when}) < timestamp('2027-01-01T00:00:00Z')`:                  "true",
		`{webhooks.json./labels}.join(',') == 'bug,urgent'`:                                     "true",
		`'login' in {webhooks.json./user}`:                                                      "true",
		`cel.bind(u, {webhooks.json./user}, u.login == 'octo' && u.id == 12)`:                   "true",
	} {
		t.Run(expr, func(t *testing.T) {
			f := newFiltered(t, expr)
			dropped, failures := f.send(filterBody, "X-Twice: a", "X-Twice: b")
			got := fmt.Sprint(dropped)
			if failures > 0 {
				for reason, c := range f.failures {
					if testutil.ToFloat64(c) > 0 {
						got = reason
					}
				}
				if dropped {
					got += ", and dropped"
				}
			}
			if got != want {
				t.Errorf("got %s, want %s: %s", got, want, f.log.String())
			}
			if failures == 0 && f.log.Len() > 0 || strings.Contains(f.log.String(), "labeled") && !strings.Contains(expr, "labeled") {
				t.Errorf("got the line %s", f.log.String())
			}
		})
	}
}

// TestExpressionErrors: what is wrong is found when the configuration is loaded,
// with its place in the expression as it was written.
func TestExpressionErrors(t *testing.T) {
	t.Setenv("FILTER_EMPTY", "")
	many := make([]string, maxMembers+1)
	for i := range many {
		many[i] = fmt.Sprintf("{webhooks.json./m%d} == 1", i)
	}
	for expr, want := range map[string]string{
		"":                                       "is empty",
		" \n":                                    "is empty",
		`{webhooks.json./a}`:                     "it is not a condition, that is, true or false: compare it, as in {webhooks.json./a} == true",
		`{webhooks.type}`:                        "it is not a condition, that is, true or false, but string",
		`1 + 2`:                                  "but int",
		`{webhooks.type} > 5`:                    "1:17: found no matching overload for '_>_'",
		`{webhooks.json./a} = 'b'`:               "1:20: Syntax error",
		`{webhooks.json./a} == 'b' &&`:           "1:29: Syntax error",
		"{webhooks.json./a} == 'b' &&\n  foo(1)": "2:6: undeclared reference to 'foo'",
		`{webhooks.json./é} == x`:                "1:23: undeclared reference to 'x'",
		`action == 'b'`:                          "1:1: undeclared reference to 'action'",
		`{webhooks.typ} == 'a'`:                  "1:1: {webhooks.typ} is not a value of an event: write {webhooks.json./pointer}",
		`{webhooks.json.a} == 'a'`:               "{webhooks.json.a} is not a value of an event",
		`{webhooks.json./a~} == 'a'`:             "{webhooks.json./a~} is not a value of an event",
		`{http.request.uri.path} == 'a'`:         "{http.request.uri.path} is not a value of an event",
		`{http.vars.x} == 'a'`:                   "is not a value of an event",
		`{file./etc/passwd} == 'a'`:              "is not a value of an event",
		`{header.} == 'a'`:                       "is not a value of an event",
		`'{webhooks.type}' == 'a'`:               "1:1: {webhooks.type} is in quotes",
		`x == """ {webhooks.json./a} """`:        "1:6: {webhooks.json./a} is in quotes",
		`{webhooks.type}in ['a']`:                "1:1: something is missing after {webhooks.type}",
		`{webhooks.type}.matches('[')`:           "missing closing ]",
		`{env.FILTER_EMPTY} == 'a'`:              "{env.FILTER_EMPTY} is empty: set the variable FILTER_EMPTY",
		`{env.FILTER_MISSING} == 'a'`:            "{env.FILTER_MISSING} is empty",
		`has({webhooks.type}, 1)`:                "undeclared reference to 'has'",
		`has('a')`:                               "1:5: invalid argument to has() macro",
		`header({'X-A': 'b'})`:                   "undeclared reference to 'header'",
		strings.Join(many, " || "):               "name more than 48 members",
	} {
		h := &Handler{Source: "s", app: &App{metrics: newMetrics()}, log: slog.New(slog.DiscardHandler), AcceptIf: []Expression{{Expr: expr, Origin: "Caddyfile:7"}}}
		err := h.filters(&gateway.Config{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", expr, err, want)
			continue
		}
		if len(expr) < 200 && !strings.HasPrefix(err.Error(), "accept expression 1 (Caddyfile:7): ") || strings.Contains(err.Error(), variablePrefix) {
			t.Errorf("%s: got %v, want where it is, in the words of the one who wrote it", expr, err)
		}
	}
}

// TestExpressionAmongGlobs: in JSON an expression has a list of its own, and among
// the globs it would fit no type at all.
func TestExpressionAmongGlobs(t *testing.T) {
	t.Parallel()
	h := &Handler{Source: "s", Accept: []string{"push", "{webhooks.json./a} == 1"}, Drop: []string{"{webhooks.json./b} == 1"}}
	err := fmt.Sprint(h.filters(&gateway.Config{}))
	for _, want := range []string{"write the expression in accept_if", "write the expression in drop_if"} {
		if !strings.Contains(err, want) {
			t.Errorf("got %s, want %s", err, want)
		}
	}
}

// TestExpressionsOverOtherBodies: a body that has no members has none, and one that
// is broken is said to be so.
func TestExpressionsOverOtherBodies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ expr, media, body, want string }{
		{`{webhooks.form.kind} == 'sale'`, "application/x-www-form-urlencoded", "kind=sale&n=1", "true"},
		{`{webhooks.form.kind} == 'sale'`, "application/x-www-form-urlencoded", "kind=sale&kind=other", reasonMalformed},
		{`{webhooks.json./kind} == 'sale'`, "application/x-www-form-urlencoded", "kind=sale", reasonMissing},
		{`has({webhooks.json}) || has({webhooks.json./kind})`, "application/x-www-form-urlencoded", "kind=sale", "false"},
		{`{webhooks.json./kind} == 'sale'`, "application/json", `{"kind":"sale"`, reasonMalformed},
		{`has({webhooks.json./kind})`, "application/json", `{"kind":"sale"`, reasonMalformed},
		{`{webhooks.json./kind} == 'sale'`, "text/plain", `{"kind":"sale"}`, "true"},
		{`{webhooks.json} == [1, 2]`, "application/json", ` [1,2] `, "true"},
		{`{webhooks.json} == 7`, "application/json", ` 7 `, "true"},
		{`{webhooks.json./kind} == 'sale'`, "application/json", ``, reasonMissing},
		{`{webhooks.size} == 0`, "application/json", ``, "true"},
	} {
		f := newFiltered(t, tt.expr)
		dropped, _ := f.send(tt.body, "Content-Type: "+tt.media)
		got := fmt.Sprint(dropped)
		for reason, c := range f.failures {
			if testutil.ToFloat64(c) > 0 {
				got = reason
			}
		}
		if got != tt.want {
			t.Errorf("%s over %s %s: got %s, want %s", tt.expr, tt.media, tt.body, got, tt.want)
		}
	}
}

// TestExpressionTime: going through a list within a list is stopped, and the event is
// kept. Of a batch, all events together have no more than their share of the time.
func TestExpressionTime(t *testing.T) {
	t.Parallel()
	const expr = `{webhooks.json./l}.exists(a, {webhooks.json./l}.exists(b, {webhooks.json./l}.exists(c, a + b + c < 0)))`
	event := func(n int) string { return `{"l":[` + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]}" }
	f := newFiltered(t, expr)
	if dropped, failures := f.send(event(2)); dropped || failures != 0 {
		t.Errorf("2: got dropped %v with %d failures, want it kept without", dropped, failures)
	}
	if dropped, failures := f.send(event(10000)); dropped || failures != 1 || testutil.ToFloat64(f.failures[reasonTime]) != 1 {
		t.Errorf("10000: got dropped %v with %d failures, want it kept after a while", dropped, failures)
	}

	cfg := f.Config()
	cfg.Provider.Batch = &verifiers.Batch{}
	cfg.PublishTimeout = time.Second
	var err error
	if f.Route, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	batch := "[" + strings.TrimSuffix(strings.Repeat(event(2000)+",", 200), ",") + "]"
	if dropped, failures := f.send(batch); dropped || failures != 200 {
		t.Errorf("batch: got dropped %v with %d failures, want all kept", dropped, failures)
	}
	// 200 times 100 ms would be twenty seconds.
	if took := time.Since(start); took > 12*time.Second {
		t.Errorf("got a batch that took %v, want less than the time of each of its events", took)
	}
}

// TestFilterLog: an expression that fails is logged once in a minute, with how
// often it was not, and without anything of the payload.
func TestFilterLog(t *testing.T) {
	t.Parallel()
	f := newFiltered(t, `int({webhooks.json./secret}) == 1 || {webhooks.json}.a[{webhooks.json./secret}] == 1 || {webhooks.json./missing} == 1`)
	now := time.Unix(1e9, 0)
	f.now = func() time.Time { return now }
	const body = `{"secret":"hunter2","a":{"b":1}}`
	for _, pause := range []time.Duration{0, time.Second, 58 * time.Second, time.Second, 2 * time.Minute} {
		now = now.Add(pause)
		f.send(body)
	}
	var lines []map[string]any
	for dec := json.NewDecoder(strings.NewReader(f.log.String())); ; {
		var line map[string]any
		if err := dec.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		lines = append(lines, line)
	}
	if len(lines) != 3 || lines[0]["not_logged"] != nil || lines[1]["not_logged"] != 2.0 || lines[2]["not_logged"] != nil {
		t.Fatalf("got %v, want a line, one after a minute about two more, and one later", lines)
	}
	if lines[0]["at"] != "Caddyfile:7" || lines[0]["filter"] != "drop" || lines[0]["level"] != "WARN" || lines[0]["route"] != `"acme/billing"` {
		t.Errorf("got %v, want where the expression is", lines[0])
	}
	if strings.Contains(f.log.String(), "hunter2") {
		t.Errorf("got something of the payload: %s", f.log.String())
	}
	const want = `
# HELP caddy_webhooks_filter_errors_total Expressions of accept and drop that could not be evaluated for an event, which was kept as far as they are concerned.
# TYPE caddy_webhooks_filter_errors_total counter
caddy_webhooks_filter_errors_total{filter="drop",reason="evaluation",source="billing"} 0
caddy_webhooks_filter_errors_total{filter="drop",reason="malformed",source="billing"} 0
caddy_webhooks_filter_errors_total{filter="drop",reason="missing",source="billing"} 0
caddy_webhooks_filter_errors_total{filter="drop",reason="panic",source="billing"} 0
caddy_webhooks_filter_errors_total{filter="drop",reason="time",source="billing"} 0
caddy_webhooks_filter_errors_total{filter="drop",reason="type",source="billing"} 5
`
	if err := testutil.CollectAndCompare(f.metrics.filters, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestExpressionPanic: a panic behind CEL is an error as any other.
func TestExpressionPanic(t *testing.T) {
	t.Parallel()
	f := newFiltered(t, `{webhooks.json./a} == 1`)
	for _, p := range f.vars {
		p.value = func(*gateway.Facts) (any, error) { panic("a payload") }
	}
	if dropped, failures := f.send(`{"a":1}`); dropped || failures != 1 || testutil.ToFloat64(f.failures[reasonPanic]) != 1 {
		t.Errorf("got dropped %v with %d failures, want it kept", dropped, failures)
	}
	if strings.Contains(f.log.String(), "a payload") {
		t.Errorf("got something of the payload: %s", f.log.String())
	}
}

// TestExpressionsInParallel evaluates one expression for many events at a time.
func TestExpressionsInParallel(t *testing.T) {
	t.Parallel()
	f := newFiltered(t, `{webhooks.json./n} % 2 == 0 && {webhooks.json./l}.exists(x, x == {webhooks.json./n})`)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				n := worker*50 + i
				if dropped, failures := f.send(fmt.Sprintf(`{"n":%d,"l":[1,%d]}`, n, n)); failures != 0 || dropped != (n%2 == 0) {
					t.Errorf("%d: got dropped %v with %d failures", n, dropped, failures)
				}
				f.send(fmt.Sprintf(`{"n":%d}`, 2*n)) // fails
			}
		})
	}
	wg.Wait()
}

// FuzzExpand: whatever is written, positions stay the same, and nothing is put into
// what is quoted.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{
		`{webhooks.json./a} == 'b'`, `'{webhooks.type`, `"\"{header.X}"`, `r'\'{query.a}`, "// {webhooks.id}\n{webhooks.id}",
		`'''a'{webhooks.id}'''`, `{'a': {webhooks.json./é}}`, `{env.A}{env.A}`, `{webhooks.json./a b}`, `b"x"`, `{a.b`, `\{webhooks.id}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, err := expand(s)
		if err != nil {
			return
		}
		if utf8.ValidString(s) && utf8.RuneCountInString(x.text) != utf8.RuneCountInString(s) {
			t.Errorf("%q became %q, which is not of the same width", s, x.text)
		}
		for name, p := range x.vars {
			if !strings.Contains(x.text, name) || !strings.Contains(s, "{"+p.text+"}") {
				t.Errorf("%q became %q without %s for {%s}", s, x.text, name, p.text)
			}
		}
		_, _ = compile(s) // must not panic
	})
}

// FuzzEvaluate: whatever the sender sends, an expression is true, false or an error.
func FuzzEvaluate(f *testing.F) {
	f.Add(filterBody)
	f.Add(`{"n":[[1]],"user":{"login":{}}}`)
	f.Add(`[`)
	routes := []*filtered{}
	for _, expr := range []string{
		`{webhooks.json./n} > 2 && {webhooks.json./text}.contains('x')`,
		`{webhooks.json}.user.login in {webhooks.json./labels}`,
		`{webhooks.json./items}.exists(i, i.qty > 10 || has(i.x.y)) || has({webhooks.json./a~1b/~0})`,
		`{webhooks.json} == {webhooks.json} && {webhooks.json./items} == {webhooks.json}.items`,
	} {
		routes = append(routes, newFiltered(f, expr))
	}
	f.Fuzz(func(t *testing.T, body string) {
		for i, r := range routes {
			before := testutil.ToFloat64(r.failures[reasonPanic])
			dropped, failures := r.send(body)
			if dropped && failures > 0 || testutil.ToFloat64(r.failures[reasonPanic]) > before {
				t.Errorf("expression %d over %q: dropped %v with %d failures", i, body, dropped, failures)
			}
		}
	})
}

// TestNumberOrder: numbers of JSON compare in CEL as they do in mathematics.
func TestNumberOrder(t *testing.T) {
	t.Parallel()
	f := newFiltered(t, `{webhooks.json./a} < {webhooks.json./b}`)
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		a, b := r.IntN(2001)-1000, r.IntN(2001)-1000
		texts := func(n int) []string { return []string{fmt.Sprint(n), fmt.Sprintf("%d.0", n), fmt.Sprintf("%de0", n)} }
		for _, x := range texts(a) {
			for _, y := range texts(b) {
				if dropped, failures := f.send(fmt.Sprintf(`{"a":%s,"b":%s}`, x, y)); failures > 0 || dropped != (a < b) {
					t.Fatalf("%s < %s: got %v with %d failures", x, y, dropped, failures)
				}
			}
		}
	}
}

// BenchmarkExpression is what an expression costs within the pipeline, next to none.
func BenchmarkExpression(b *testing.B) {
	for _, bb := range []struct{ name, expr string }{
		{"none", ""},
		{"type", `{webhooks.type} == 'other'`},
		{"field", `{webhooks.json./action} == 'other'`},
		{"two fields", `{webhooks.json./action} == 'labeled' && {webhooks.json./user/login} == 'other'`},
		{"membership", `'other' in {webhooks.json./labels}`},
		{"exists", `{webhooks.json./items}.exists(i, i.qty > 100)`},
		{"document", `{webhooks.json}.user.login == 'other'`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			f := newFiltered(b, bb.expr)
			req := httptest.NewRequest(http.MethodPost, "https://hooks.example.com/in", nil)
			req.Header = http.Header{"Content-Type": {"application/json"}, "X-Id": {"evt_1"}, "X-Type": {"invoice.paid"}}
			req.ContentLength = int64(len(filterBody))
			body := strings.NewReader("")
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(filterBody)
				req.Body = io.NopCloser(body)
				if res := f.Handle(w, gateway.Request{Request: req, URL: req.URL}); res.Outcome != gateway.PassedThrough || res.FilterErrors > 0 {
					b.Fatalf("got %v", res.Outcome)
				}
			}
		})
	}
}
