package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// startPatience is how long Start waits for the broker, so that what is wrong with
// it fails the load. What takes longer goes on in the background, while senders are
// asked to try again. Only tests change it.
var startPatience = 5 * time.Second

const (
	// lookTimeout bounds one look at the streams.
	lookTimeout = 5 * time.Second
	// lookAgain is the time between two looks that failed, and sayAgain between
	// two lines about the same failure.
	lookAgain = time.Second
	sayAgain  = time.Minute
)

// session is what one configuration does with a broker.
type session struct {
	broker *broker
	key    string
	cancel context.CancelFunc
	work   sync.WaitGroup
	// settle ends the looks at the streams, and looking is held by each of them.
	settle  context.CancelFunc
	looking sync.Mutex

	mu        sync.Mutex
	publisher *natspub.Publisher
	ops       *natspub.Ops
	samples   *natspub.Samples
	spool     *spooling // nil: no route needs one
	findings  findings  // of the last look at the streams
}

// ErrPreflight: a stream does not keep what the gateway promises.
var ErrPreflight = errors.New("a stream does not keep the gateway's promises")

var errNoAnswer = errors.New("no server answers")

// begin opens the broker and has the publisher made when it is ready. The
// function that it returns waits for that, though not for ever.
func (a *App) begin() (wait func() error, err error) {
	b, err := openBroker(a.settings)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	looks, settle := context.WithCancel(ctx)
	s := &session{broker: b, key: a.settings.key, cancel: cancel, settle: settle}
	a.session = s
	a.shown.Store(s)
	close(a.linked)
	early, late := make(chan error, 1), make(chan struct{})
	s.work.Go(func() { a.open(ctx, looks, early, late) })
	return func() error {
		select {
		case err := <-early:
			return err
		case <-time.After(startPatience):
			close(late)
			a.publisher.stopWaiting()
			a.log.Warn("NATS is not ready; senders are asked to try again until it is", "waited", startPatience)
			return nil
		}
	}, nil
}

// open works until the publisher is in place. It reports to early what Start
// waits for; after Start has stopped waiting, which late says, it goes on
// trying, until looks ends.
func (a *App) open(ctx, looks context.Context, early chan<- error, late <-chan struct{}) {
	err := a.session.broker.wait(ctx)
	if err == nil && !a.publishes() {
		heirs.Store(a.heirKey(), a)
		early <- nil
		return
	}
	if err == nil {
		err = a.startOps()
	}
	if err == nil && a.spools {
		err = a.startSpool(ctx)
	}
	if err != nil {
		a.log.Error("opening NATS", "error", err)
		early <- err
		return
	}
	verified, unverified, routes := a.streams()
	p, err := natspub.New(natspub.Config{
		Conn:          a.session.broker.conn,
		Stream:        verified,
		Unverified:    unverified,
		Routes:        routes,
		Quarantine:    a.QuarantineStream.translate(a.window(), true),
		Bodies:        a.bodies(),
		Forgotten:     a.forgotten(),
		APIPrefix:     a.settings.prefix,
		MaxPending:    a.MaxPending,
		LargestBody:   a.largest,
		Embedded:      a.session.broker.embedded.StoreDir != "",
		SyncAlways:    a.settings.embed.SyncInterval == 0,
		NoGroupCommit: a.settings.single,
		Stage:         a.session.broker.stage(),
		Ready:         a.session.broker.ready,
		Attester:      a.attester,
		Ops:           a.ops.Load(),
		Logger:        a.log,
	})
	if err != nil {
		early <- err
		return
	}
	a.session.mu.Lock()
	a.session.publisher = p
	a.session.mu.Unlock()
	a.startQuarantine(ctx, p)
	var said string
	var saidAt time.Time
	started := false // Start was told
	kept := false    // events are kept until the cluster takes them
	for {
		err := a.preflight(looks, p)
		if err == nil {
			a.take(p)
			if !started {
				early <- nil
			}
			a.watch(looks, p)
			return
		}
		if looks.Err() != nil {
			return
		}
		if errors.Is(err, errSuperseded) {
			pauseLooks(looks)
			continue
		}
		if errors.Is(err, ErrPreflight) {
			select {
			case <-late:
				started = true
			default:
			}
			if !started {
				early <- err
				return
			}
		}
		if conn := a.session.broker.conn; conn.Status() != nats.CONNECTED {
			// Without a connection nothing else that is said has a meaning.
			if err = errNoAnswer; conn.LastError() != nil {
				err = fmt.Errorf("%w: %w", errNoAnswer, conn.LastError()) // such as that the password is wrong
			}
		}
		if a.session.spool != nil && !kept {
			kept = true
			a.take(nil)
			if !started {
				started = true
				early <- nil
			}
		}
		if text := err.Error(); text != said || time.Since(saidAt) > sayAgain {
			said, saidAt = text, time.Now()
			a.log.Warn("preparing the streams; trying again every second", "servers", a.settings.connect.URLs, "error", err)
		}
		pauseLooks(looks)
	}
}

func pauseLooks(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(lookAgain):
	}
}

// take begins to take events, for the cluster or, if p is nil, for the spool.
func (a *App) take(p *natspub.Publisher) {
	if s := a.session.spool; s == nil {
		a.publisher.set(p)
	} else {
		if p != nil {
			s.spool.SetRemote(p)
		}
		a.publisher.set(s.spool)
	}
	heirs.Store(a.heirKey(), a)
}

// startSpool opens the spool.
func (a *App) startSpool(ctx context.Context) error {
	s, err := a.openSpool(ctx)
	if err != nil {
		return err
	}
	a.session.mu.Lock()
	a.session.spool = s
	a.session.mu.Unlock()
	return nil
}

// disconnect gives the broker back.
func (a *App) disconnect() {
	a.publisher.stopWaiting()
	s := a.session
	if s == nil {
		return
	}
	s.cancel()
	s.work.Wait()
	heirs.CompareAndDelete(a.heirKey(), a)
	a.publisher.unset()
	if s.spool != nil {
		a.closeSpool(s.spool)
	}
	a.stopQuarantine()
	if s.publisher != nil {
		s.publisher.Close()
	}
	a.closeOps(s.ops)
	if _, err := brokers.Delete(s.key); err != nil {
		a.log.Error("closing NATS", "error", err)
	}
}

// closeSpool ends this configuration's use of the spool. Where no other follows
// what can be forwarded now is.
func (a *App) closeSpool(s *spooling) {
	ctx, cancel := context.WithTimeout(context.Background(), drainPatience)
	defer cancel()
	if a.heir() != nil {
		cancel()
	}
	s.close(ctx)
	if st := s.spool.Status(); st.Events > 0 && a.heir() == nil {
		a.log.Warn("events are left in the spool; they are forwarded when Caddy runs again", "events", st.Events, "dir", a.Spool.Dir)
	}
}
