package natspub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// errEnd ends a Follow.
var errEnd = errors.New("enough")

// followed returns the sequences that spec chooses: all, or so many of them.
func followed(t *testing.T, r *Replayer, spec FollowSpec, most int) []uint64 {
	t.Helper()
	spec.Stream = "WEBHOOKS"
	var got []uint64
	err := r.Follow(within(t, 20*time.Second), spec, func(e *Stored) error {
		got = append(got, e.Seq)
		if len(got) == most {
			return errEnd
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	return got
}

func TestFollowBegins(t *testing.T) {
	t.Parallel()
	_, p := history(t, 24)
	r := newReplayer(t, p, nil)
	tenth := contents(t, p, "WEBHOOKS")[9].Time
	for _, test := range []struct {
		name string
		spec FollowSpec
		want []uint64
	}{
		{"all", FollowSpec{}, from(1, 24)},
		{"the last", FollowSpec{Last: 3}, from(22, 24)},
		{"more than there are", FollowSpec{Last: 100}, from(1, 24)},
		{"the last of a type", FollowSpec{ReplaySpec: ReplaySpec{Types: []string{"user/*"}}, Last: 2}, []uint64{21, 24}},
		{"the last of a subject", FollowSpec{Subject: "wh.v1.acme.billing.>", Last: 2}, []uint64{17, 21}},
		{"the last with an id that is far back", FollowSpec{ReplaySpec: ReplaySpec{IDs: []string{"evt 0"}}, Last: 1}, []uint64{1}},
		{"of none the last", FollowSpec{ReplaySpec: ReplaySpec{IDs: []string{"none"}}, Last: 1}, nil},
		{"new", FollowSpec{New: true}, nil},
		{"since", FollowSpec{ReplaySpec: ReplaySpec{Since: tenth}}, from(10, 24)},
		{"the next", FollowSpec{ReplaySpec: ReplaySpec{FromSeq: 25}}, nil},
		{"a subject and a source", FollowSpec{ReplaySpec: ReplaySpec{Sources: []string{"code"}}, Subject: "wh.v1.other.>"}, []uint64{4, 8, 12, 16, 20, 24}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := followed(t, r, test.spec, 0); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func from(first, last uint64) (list []uint64) {
	for seq := first; seq <= last; seq++ {
		list = append(list, seq)
	}
	return list
}

// TestFollowLive: what comes in follows what was there, over a restart of the server,
// each once and in order, and at the end nothing is left of the reader.
func TestFollowLive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := runServer(t, dir, 0, nil)
	p := ready(t, s.ClientURL(), nil)
	publish := func(first, last int) {
		for n := first; n <= last; n++ {
			checkFor(t, 20*time.Second, func() error {
				_, err := p.Publish(within(t, 5*time.Second), replayEvent(n))
				return err
			})
		}
	}
	publish(0, 4)
	r := newReplayer(t, p, nil)
	got, troubles := make(chan uint64, 100), make(chan error, 100)
	var passed uint64
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- r.Follow(ctx, FollowSpec{
			ReplaySpec: ReplaySpec{Stream: "WEBHOOKS"}, Live: true, Tidy: true, Last: 2,
			Passed: func(upTo uint64) { passed = upTo }, Trouble: func(err error) { troubles <- err },
		}, func(e *Stored) error {
			got <- e.Seq
			return nil
		})
	}()
	want := func(list ...uint64) {
		t.Helper()
		for _, seq := range list {
			select {
			case have := <-got:
				if have != seq {
					t.Fatalf("got %d, want %d", have, seq)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%d did not come", seq)
			}
		}
	}
	want(4, 5)
	publish(5, 6)
	want(6, 7)
	port := s.Addr().String()[strings.LastIndex(s.Addr().String(), ":")+1:]
	s.Shutdown()
	s.WaitForShutdown()
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil {
		t.Fatal(err)
	}
	runServer(t, dir, n, nil)
	publish(7, 9)
	want(8, 9, 10)
	if len(troubles) == 0 {
		t.Error("nobody was told that the server was away")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	if len(got) > 0 || passed > 10 {
		t.Errorf("got %d more, passed %d", len(got), passed)
	}
	noReaders(t, p)
}

func noReaders(t *testing.T, p *Publisher) {
	t.Helper()
	stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	checkFor(t, 10*time.Second, func() error { // nobody waits until it is gone
		list := stream.ListConsumers(t.Context())
		for c := range list.Info() {
			err = fmt.Errorf("the consumer %s is left", c.Name)
		}
		defer func() { err = nil }()
		return errors.Join(err, list.Err())
	})
}

// TestFollowSlow: who does not read for longer than the server keeps a consumer
// misses nothing.
func TestFollowSlow(t *testing.T) {
	t.Parallel()
	_, p := history(t, 300)
	r := newReplayer(t, p, nil)
	var got []uint64
	err := r.Follow(within(t, 30*time.Second), FollowSpec{ReplaySpec: ReplaySpec{Stream: "WEBHOOKS"}, Live: true}, func(e *Stored) error {
		got = append(got, e.Seq)
		switch e.Seq {
		case 100: // what the server does when nobody has asked for half a minute
			stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
			if err != nil {
				return err
			}
			list := stream.ConsumerNames(t.Context())
			for name := range list.Name() {
				if err := stream.DeleteConsumer(t.Context(), name); err != nil {
					return err
				}
			}
		case 300:
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) || !slices.Equal(got, from(1, 300)) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestFollowRefused(t *testing.T) {
	t.Parallel()
	_, p := history(t, 3)
	r := newReplayer(t, p, nil)
	for _, test := range []struct {
		spec FollowSpec
		want string
	}{
		{FollowSpec{ReplaySpec: ReplaySpec{Stream: "NOPE"}}, "there is no stream NOPE"},
		{FollowSpec{ReplaySpec: ReplaySpec{Stream: "WEBHOOKS", FromSeq: 5}}, "ends at 3, before the sequence 5"},
		{FollowSpec{ReplaySpec: ReplaySpec{Stream: "WEBHOOKS"}, Subject: "wh-quarantine.v1.>"}, "has nothing on wh-quarantine.v1.>, but on wh.v1.>"},
	} {
		err := r.Follow(within(t, 10*time.Second), test.spec, func(*Stored) error { return nil })
		if !errors.Is(err, ErrHistory) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}

// TestFollowPermissions: whoever tails needs to look at the stream and to make a
// reader, and a permission that is missing is named.
func TestFollowPermissions(t *testing.T) {
	t.Parallel()
	reads := []string{"$JS.API.STREAM.INFO.WEBHOOKS", "$JS.API.CONSUMER.CREATE.WEBHOOKS.>", "$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.*"}
	for missing := range len(reads) + 1 {
		allowed := slices.Clone(reads)
		name := ""
		if missing < len(reads) {
			name, allowed = reads[missing], slices.Delete(allowed, missing, missing+1)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, func(o *server.Options) {
				o.Users = []*server.User{
					{Username: "all", Password: "all"},
					{Username: "tail", Password: "tail", Permissions: &server.Permissions{
						Publish: &server.SubjectPermission{Allow: allowed}, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
					}},
				}
			})
			host := strings.TrimPrefix(s.ClientURL(), "nats://")
			p := ready(t, "nats://all:all@"+host, nil)
			if _, err := p.Publish(within(t, 10*time.Second), replayEvent(1)); err != nil {
				t.Fatal(err)
			}
			nc, err := Connect(ConnectConfig{URLs: []string{"nats://tail:tail@" + host}, Name: t.Name()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			r := newReplayer(t, p, func(cfg *ReplayConfig) { cfg.Conn = nc })
			err = r.Follow(within(t, 20*time.Second), FollowSpec{ReplaySpec: ReplaySpec{Stream: "WEBHOOKS"}, Live: true, Last: 1}, func(*Stored) error { return errEnd })
			switch {
			case name == "" && !errors.Is(err, errEnd):
				t.Errorf("got %v", err)
			case name != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), "permissions violation") || !strings.Contains(err.Error(), strings.TrimRight(name, ">*"))):
				t.Errorf("got %v, want the permission %s", err, name)
			}
		})
	}
}
