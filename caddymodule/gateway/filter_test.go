package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// condition is one of the tests.
type condition struct {
	members []string
	holds   func(f *gateway.Facts) (bool, error)
}

func (c condition) Holds(f *gateway.Facts) (bool, error) { return c.holds(f) }

func (c condition) Members() []string { return c.members }

var errUntold = errors.New("cannot be told")

func always(f *gateway.Facts) (bool, error)  { return true, nil }
func never(f *gateway.Facts) (bool, error)   { return false, nil }
func untold(f *gateway.Facts) (bool, error)  { return true, errUntold }
func crashes(f *gateway.Facts) (bool, error) { panic(f) }

func conditions(holds ...func(*gateway.Facts) (bool, error)) []gateway.Condition {
	var list []gateway.Condition
	for _, h := range holds {
		list = append(list, condition{holds: h})
	}
	return list
}

// TestConditions: what one list or the other says, and that nothing that cannot be
// told drops an event.
func TestConditions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		accept, drop     []string
		acceptIf, dropIf []gateway.Condition
		want             gateway.Outcome
		errors           int
	}{
		{"accepted", nil, nil, conditions(always), nil, gateway.Accepted, 0},
		{"not accepted", nil, nil, conditions(never), nil, gateway.Dropped, 0},
		{"one of several", nil, nil, conditions(never, always), nil, gateway.Accepted, 0},
		{"not accepted, cannot be told", nil, nil, conditions(untold), nil, gateway.Accepted, 1},
		{"not accepted, and another cannot be told", nil, nil, conditions(never, untold), nil, gateway.Accepted, 1},
		{"not accepted, crashes", nil, nil, conditions(crashes), nil, gateway.Accepted, 1},
		{"dropped", nil, nil, nil, conditions(always), gateway.Dropped, 0},
		{"not dropped", nil, nil, nil, conditions(never, never), gateway.Accepted, 0},
		{"dropped by one of several", nil, nil, nil, conditions(never, always), gateway.Dropped, 0},
		{"cannot be told to be dropped", nil, nil, nil, conditions(untold), gateway.Accepted, 1},
		{"crashes", nil, nil, nil, conditions(crashes), gateway.Accepted, 1},
		{"dropped by another than the one that cannot be told", nil, nil, nil, conditions(untold, always), gateway.Dropped, 1},
		{"drop wins", nil, nil, conditions(always), conditions(always), gateway.Dropped, 0},
		{"drop wins over what cannot be told", nil, nil, conditions(untold), conditions(always), gateway.Dropped, 1},
		{"a glob accepts, and nobody asks", []string{"pu*"}, nil, conditions(crashes), nil, gateway.Accepted, 0},
		{"a condition accepts what the globs do not", []string{"issue"}, nil, conditions(always), nil, gateway.Accepted, 0},
		{"neither accepts", []string{"issue"}, nil, conditions(never), nil, gateway.Dropped, 0},
		{"a glob drops, and nobody asks", nil, []string{"push"}, conditions(crashes), conditions(crashes), gateway.Dropped, 0},
		{"a condition drops what a glob accepts", []string{"push"}, nil, nil, conditions(always), gateway.Dropped, 0},
		{"the globs do not accept, and nobody asks", []string{"issue"}, nil, nil, conditions(crashes), gateway.Dropped, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *gateway.Config) {
				c.Accept, c.Drop, c.AcceptIf, c.DropIf = tt.accept, tt.drop, tt.acceptIf, tt.dropIf
			})
			if a := r.send("d1", payload("1")); a.StatusCode != http.StatusOK {
				t.Errorf("got %d, want 200", a.StatusCode)
			}
			rec := r.record()
			if rec.Outcome != tt.want || rec.FilterErrors != tt.errors || rec.Err != nil {
				t.Errorf("got %v with %d errors (%v), want %v with %d", rec.Outcome, rec.FilterErrors, rec.Err, tt.want, tt.errors)
			}
			if tt.want == gateway.Dropped {
				r.stored(0, 0)
				return
			}
			r.stored(1, 0)
		})
	}
}

// TestConditionsComeAfterVerification: nobody is asked about what is forged.
func TestConditionsComeAfterVerification(t *testing.T) {
	t.Parallel()
	asked := false
	r := newRig(t, func(c *gateway.Config) {
		c.DropIf = conditions(func(*gateway.Facts) (bool, error) { asked = true; return true, nil })
	})
	req := r.request("d1", payload("1"))
	req.Header.Set("X-Hub-Signature-256", sign("another"))
	if a := r.do(req); a.StatusCode != http.StatusUnauthorized || asked {
		t.Errorf("got %d, asked %v, want 401 and nobody asked", a.StatusCode, asked)
	}
}

// TestConditionsOfBatches: each event is judged by itself, and pointers begin at it.
func TestConditionsOfBatches(t *testing.T) {
	t.Parallel()
	rt, pub, obs := newRoute(t, alter(func(c *gateway.Config) {
		c.DropIf = []gateway.Condition{condition{[]string{"/n"}, func(f *gateway.Facts) (bool, error) {
			n, err := f.JSON("/n")
			return n == json.Number("2"), err
		}}}
	}))
	body := `[{"id":"a","n":1},{"id":"b","n":2},{"id":"c"},{"id":"d","n":2}]`
	if res := post(t, rt, "d1", body); res.Outcome != gateway.Accepted || res.FilterErrors != 1 {
		t.Errorf("got %v with %d errors, want it accepted with one", res.Outcome, res.FilterErrors)
	}
	var ids []string
	for _, e := range byIndex(pub.Events()) {
		ids = append(ids, e.ID)
	}
	if got := strings.Join(ids, " "); got != "a c" {
		t.Errorf("got the events %s, want a c", got)
	}
	if n := obs.Records()[0].Batch.Outcomes[gateway.Dropped]; n != 2 {
		t.Errorf("got %d dropped, want 2", n)
	}
}

// TestFacts compares what is found in the body with what decoding it finds, with
// and without a validator.
func TestFacts(t *testing.T) {
	t.Parallel()
	const body = ` {"time":1,"s":"t\u0065xt","p":"plain","n":12345678901234567890,"t":true,"f":false,"z":null,
		"l":[1,{"x/y":"é"}],"o":{"~":{"a":[]}},"d":1,"d":{"last":2}} `
	var document any
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&document); err != nil {
		t.Fatal(err)
	}
	object := document.(map[string]any)
	want := map[string]any{
		"": document, "/s": "text", "/p": "plain", "/n": json.Number("12345678901234567890"), "/t": true, "/f": false, "/z": nil,
		"/l": object["l"], "/l/1/x~1y": "é", "/o/~0": map[string]any{"a": []any{}}, "/o/~0/a": []any{}, "/d/last": json.Number("2"), "/d": object["d"],
	}
	for _, missing := range []string{"/x", "/l/2", "/l/01", "/l/-", "/l/+1", "/s/a", "/o/~0/b", "/d/first"} {
		want[missing] = verifiers.ErrMissing
	}
	var members []string
	for pointer := range want {
		members = append(members, pointer)
	}
	for _, tt := range []struct {
		name      string
		validator gateway.Validator
		members   []string
	}{{"apart", nil, members}, {"in a document", accepts{}, members}, {"not announced", nil, nil}, {"not announced in a document", accepts{}, nil}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *gateway.Config) {
				c.Validator, c.StrictJSON = tt.validator, gateway.StrictOff
				c.DropIf = []gateway.Condition{condition{tt.members, func(f *gateway.Facts) (bool, error) {
					for pointer, want := range want {
						got, err := f.JSON(pointer)
						has, hasErr := f.Has(pointer)
						if _, missing := want.(error); missing {
							if !errors.Is(err, verifiers.ErrMissing) || has {
								t.Errorf("%s: got %v (%v), has %v, want it missing", pointer, got, err, has)
							}
							continue
						}
						if err != nil || hasErr != nil || !has || !reflect.DeepEqual(got, want) {
							t.Errorf("%s: got %#v (%v), has %v (%v), want %#v", pointer, got, err, has, hasErr, want)
						}
					}
					typ, err := f.Lookup(verifiers.Header("X-Hub-Event"))
					if err != nil || typ != "push" || f.Event.ID != "d1" || f.Event.Type != "push" || f.Event.Trust != gateway.Verified {
						t.Errorf("got %q (%v) and %+v, want a verified push d1", typ, err, f.Event)
					}
					return false, nil
				}}}
			})
			r.send("d1", body)
			if rec := r.record(); rec.Outcome != gateway.Accepted || rec.FilterErrors != 0 {
				t.Errorf("got %v with %d errors, want it accepted", rec.Outcome, rec.FilterErrors)
			}
		})
	}
}

// TestFactsWithoutJSON: forms have no members, and what is broken is said to be so.
func TestFactsWithoutJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		media, body string
		want        error
	}{
		{"application/x-www-form-urlencoded", "a=1", verifiers.ErrMissing},
		{"application/json", `{"a":1`, verifiers.ErrMalformed},
		{"text/plain", "\xff", verifiers.ErrMalformed},
		{"text/plain", "", verifiers.ErrMissing},
	} {
		r := newRig(t, func(c *gateway.Config) {
			headersOnly(c)
			c.Provider.ContentTypes = nil
			c.DropIf = []gateway.Condition{condition{[]string{"/a"}, func(f *gateway.Facts) (bool, error) {
				for _, pointer := range []string{"", "/a", "/b"} {
					if _, err := f.JSON(pointer); !errors.Is(err, tt.want) {
						t.Errorf("%q %s: got %v, want %v", tt.body, pointer, err, tt.want)
					}
					if has, err := f.Has(pointer); has || (err != nil) != errors.Is(tt.want, verifiers.ErrMalformed) {
						t.Errorf("%q %s: has %v (%v)", tt.body, pointer, has, err)
					}
				}
				return false, nil
			}}}
		})
		req := r.request("d1", tt.body)
		req.Header.Set("Content-Type", tt.media)
		if a := r.do(req); a.StatusCode != http.StatusOK {
			t.Errorf("%q: got %d, want 200", tt.body, a.StatusCode)
		}
	}
}

// TestFactsOfCompressed: a condition sees what came out.
func TestFactsOfCompressed(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) {
		decompresses(c)
		c.DropIf = []gateway.Condition{condition{[]string{"/kind"}, func(f *gateway.Facts) (bool, error) {
			kind, err := f.JSON("/kind")
			return kind == "news", err
		}}}
	})
	for _, tt := range []struct {
		body string
		want gateway.Outcome
	}{{`{"kind":"news"}`, gateway.Dropped}, {`{"kind":"sale"}`, gateway.Accepted}} {
		if res := handle(rt, packed(t, tt.body, pack(t, tt.body, 6))); res.Outcome != tt.want || res.FilterErrors != 0 {
			t.Errorf("%s: got %v with %d errors (%v), want %v", tt.body, res.Outcome, res.FilterErrors, res.Err, tt.want)
		}
	}
	if n := len(pub.Events()); n != 1 {
		t.Errorf("got %d events, want 1", n)
	}
}

// FuzzFacts: a member is the same whether it is decoded apart or in its document,
// and whether it was announced or not.
func FuzzFacts(f *testing.F) {
	f.Add(`{"a":{"b":[1,{"c":null}]},"a":[{"~":"\u00e9"}]}`, "/a/0/~0")
	f.Add(`[[1,2],{"":{"":3}}]`, "/1//")
	f.Add(` {"x/y": "\ud800", "z": 1e9} `, "/x~1y")
	f.Add(`{"a":1`, "/a")
	f.Add(`7`, "")
	f.Add(`{"01":1,"1":[0,1]}`, "/01")
	f.Fuzz(func(t *testing.T, body, pointer string) {
		if _, err := verifiers.PointersTo(pointer); err != nil && pointer != "" {
			return
		}
		type found struct {
			value any
			err   error
			has   bool
		}
		var results []found
		for _, members := range [][]string{nil, {pointer}} {
			for _, validator := range []gateway.Validator{nil, accepts{}} {
				rt, _, _ := newRoute(t, func(c *gateway.Config) {
					headersOnly(c)
					c.Unverified, c.Validator, c.StrictJSON = true, validator, gateway.StrictOff
					c.DropIf = []gateway.Condition{condition{members, func(f *gateway.Facts) (bool, error) {
						var r found
						r.has, _ = f.Has(pointer)
						r.value, r.err = f.JSON(pointer)
						results = append(results, r)
						return true, nil
					}}}
				})
				handle(rt, newRequest(t, "https://example.com/hook", "d1", body))
			}
		}
		if len(results) != 4 {
			t.Fatalf("got %d results, want 4", len(results))
		}
		for _, r := range results {
			if first := results[0]; !reflect.DeepEqual(r.value, first.value) || fmt.Sprint(r.err) != fmt.Sprint(first.err) || r.has != first.has || r.has != (r.err == nil) {
				t.Errorf("%q of %q: got %+v and %+v, want the same", pointer, body, first, r)
			}
		}
	})
}

// TestFactsShareTheDocument: with a validator the body is decoded once.
func TestFactsShareTheDocument(t *testing.T) {
	t.Parallel()
	var seen any
	v := &watches{}
	r := newRig(t, func(c *gateway.Config) {
		c.Validator = v
		c.AcceptIf = []gateway.Condition{condition{[]string{"/o"}, func(f *gateway.Facts) (bool, error) {
			var err error
			seen, err = f.JSON("/o")
			return true, err
		}}}
	})
	r.send("d1", `{"time":1,"o":{"a":1}}`)
	r.record()
	v.mu.Lock()
	defer v.mu.Unlock()
	validated := v.payload.(map[string]any)["o"]
	if reflect.ValueOf(seen).Pointer() != reflect.ValueOf(validated).Pointer() {
		t.Error("got two objects, want one that the condition and the validator share")
	}
}

// watches is a validator that keeps what it is given.
type watches struct {
	mu      sync.Mutex
	payload any
}

func (v *watches) Validate(_ *gateway.Event, payload any) gateway.Validation {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.payload = payload
	return gateway.Validation{Schema: "s.json"}
}

type accepts struct{}

func (accepts) Validate(*gateway.Event, any) gateway.Validation {
	return gateway.Validation{Schema: "s.json"}
}

// TestConditionsOfReleased: a retry is judged by the filters of now, and a release
// by none.
func TestConditionsOfReleased(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.Validator = refuseSchema })
	r.send("d1", payload("1"))
	r.record()
	kept := r.pub.Quarantined()
	if len(kept) != 1 {
		t.Fatalf("got %d in quarantine, want 1", len(kept))
	}
	q := kept[0]
	filtered, pub, _ := newRoute(t, func(c *gateway.Config) {
		c.DropIf = conditions(always)
		c.VerifierAt = func(time.Time) (verifiers.Verifier, error) { return newVerifier(t, c.Provider), nil }
	})
	e := &gateway.Entry{Event: q.Event, Quarantine: q.Why}
	if res := filtered.Retry(t.Context(), e, false); res.Outcome != gateway.Dropped || len(pub.Events()) != 0 {
		t.Errorf("retry: got %v, want it dropped", res.Outcome)
	}
	if ack, err := gateway.Release(context.Background(), pub, e, false, false); err != nil || ack.Stream == "" {
		t.Errorf("release: got %+v (%v), want it published", ack, err)
	}
}

// TestConditionsOfTenants: one route has many tenants, and a condition sees which.
func TestConditionsOfTenants(t *testing.T) {
	t.Parallel()
	ts, base, pub, _ := newTenants(t, func(c *gateway.Config) {
		c.DropIf = conditions(func(f *gateway.Facts) (bool, error) { return f.Event.Tenant == "b", nil })
	})
	for i, tt := range []struct {
		tenant string
		want   gateway.Outcome
	}{{"a", gateway.Accepted}, {"b", gateway.Dropped}, {"c", gateway.Accepted}} {
		ts.add(t, base, tt.tenant, nil, secret)
		req := newRequest(t, "https://example.com/hook", fmt.Sprint("d", i), payload("1"))
		req.Header.Set("X-Tenant", tt.tenant)
		if res := handle(base, req); res.Outcome != tt.want || res.Tenant != tt.tenant {
			t.Errorf("%s: got %v of %s (%v), want %v", tt.tenant, res.Outcome, res.Tenant, res.Err, tt.want)
		}
	}
	if n := len(pub.Events()); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
}

func TestNilCondition(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Config{
		Tenant: "a", Source: "b", Provider: verifiers.Provider{Name: "p"}, Unverified: true, NoPublish: true,
		AcceptIf: []gateway.Condition{nil}, DropIf: []gateway.Condition{nil},
	})
	if msg := fmt.Sprint(err); !strings.Contains(msg, "AcceptIf: has a condition") || !strings.Contains(msg, "DropIf: has a condition") {
		t.Errorf("got %v, want both named", err)
	}
}

// BenchmarkCondition is what asking a condition costs that costs nothing itself,
// with one member of the body.
func BenchmarkCondition(b *testing.B) {
	accept := acceptor(b, 8<<10, func(c *gateway.Config) {
		c.DropIf = []gateway.Condition{condition{[]string{"/type"}, func(f *gateway.Facts) (bool, error) {
			v, err := f.JSON("/type")
			return v == "none", err
		}}}
	})
	b.ReportAllocs()
	for b.Loop() {
		accept()
	}
}
