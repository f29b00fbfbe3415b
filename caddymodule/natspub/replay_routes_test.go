package natspub

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestReplayOfStreamsByRoute: a stream may have the subjects of some sources only,
// and those of several.
func TestReplayOfStreamsByRoute(t *testing.T) {
	t.Parallel()
	_, p := history(t, 0)
	if err := p.js.DeleteStream(within(t, 5*time.Second), "WEBHOOKS"); err != nil {
		t.Fatal(err)
	}
	for name, subjects := range map[string][]string{
		"BILLING": {"wh.v1.*.billing.>"}, "BOTH": {"wh.v1.acme.code.>", "wh.v1.other.code.>"},
	} {
		if _, err := p.js.CreateStream(within(t, 5*time.Second), jetstream.StreamConfig{Name: name, Subjects: subjects}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 8 {
		e := replayEvent(n)
		m := p.message(e)
		delete(m.header, headerStream)
		if _, err := p.js.PublishMsg(within(t, 5*time.Second), &nats.Msg{Subject: m.subject, Header: m.header, Data: e.Body}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		spec ReplaySpec
		want uint64
	}{
		{ReplaySpec{Stream: "BILLING"}, 4},
		{ReplaySpec{Stream: "BILLING", Tenants: []string{"acme"}}, 2},
		{ReplaySpec{Stream: "BILLING", Sources: []string{"billing"}}, 4},
		{ReplaySpec{Stream: "BILLING", Sources: []string{"billing", "code"}}, 4},
		{ReplaySpec{Stream: "BILLING", Sources: []string{"code"}}, 0},
		{ReplaySpec{Stream: "BOTH"}, 4},
		{ReplaySpec{Stream: "BOTH", Tenants: []string{"acme"}}, 2},
		{ReplaySpec{Stream: "BOTH", Sources: []string{"code"}}, 4},
		{ReplaySpec{Stream: "BOTH", Tenants: []string{"other"}, Sources: []string{"code", "billing"}}, 2},
	} {
		plan, err := newReplayer(t, p, nil).Plan(within(t, 15*time.Second), test.spec)
		if err != nil || plan.Events != test.want {
			t.Errorf("%s of %v %v: got %d, %v, want %d", test.spec.Stream, test.spec.Tenants, test.spec.Sources, plan.Events, err, test.want)
		}
	}
}
