package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Fatal: events cannot be stored, or the gateway's promises do not hold.
	Fatal Severity = "fatal"
	// Warning: they hold less well than the operator may think.
	Warning Severity = "warning"
	// Note: worth knowing.
	Note Severity = "note"
)

// Finding is one thing that Preflight has found.
type Finding struct {
	Severity Severity
	// Stream is the stream's name, or "" if it is not about one.
	Stream string
	// Problem says what is, and Cure what to do about it, "" for a Note.
	Problem, Cure string
}

// String returns the finding in one line.
func (f Finding) String() string {
	s := f.Problem
	if f.Stream != "" {
		s = "stream " + f.Stream + ": " + s
	}
	if f.Cure != "" {
		s += ": " + f.Cure
	}
	return s
}

// Attrs returns the finding for a log: the stream, the finding, and the cure if
// there is one.
func (f Finding) Attrs() []any {
	list := []any{"stream", f.Stream, "finding", f.Problem}
	if f.Cure != "" {
		list = append(list, "cure", f.Cure)
	}
	return list
}

// question bounds one request: one that is not permitted is not answered.
const question = 2 * time.Second

// Codes of the JetStream API's errors.
const (
	codeNoMetaLeader = 10008 // the cluster is electing
	codeNotLeader    = 10009 // the stream is electing
	codeWrongStream  = 10060 // the message is for another stream
	codeOverlap      = 10065 // another stream has a subject
	codeNoStorage    = 10047 // no room for what the stream may take
)

// Preflight creates the streams that are to be created, checks all of them and
// says what it found and, as a Note, what an acknowledgement is worth. Nothing is
// stored. The error means that it could not look, as when there is no connection.
// When it returns nothing changes the streams any more, also after ctx has ended.
func (p *Publisher) Preflight(ctx context.Context) ([]Finding, error) {
	found := checkServer(p.cfg.Conn.ConnectedServerVersion())
	if limit := p.cfg.Conn.MaxPayload(); p.bodies == nil && p.cfg.LargestBody > 0 && limit > 0 && limit < p.cfg.LargestBody+maxHeaders {
		found = append(found, Finding{
			Warning, "", fmt.Sprintf("the server takes messages up to %d bytes, and routes take bodies up to %d", limit, p.cfg.LargestBody),
			fmt.Sprintf("set `max_payload` of the servers to %d, or lower the routes' limits", p.cfg.LargestBody+maxHeaders),
		})
	}
	for _, s := range p.streams() {
		list, err := p.examine(ctx, s.root, s.StreamConfig)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	if p.bodies != nil && p.cfg.LargestBody > p.bodies.limit() {
		list, err := p.examineBodies(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	if hopeless(found) {
		return found, nil // there are no duplicates
	}
	return append(found, p.examineForgotten(ctx)...), nil
}

// examine creates or checks one stream.
func (p *Publisher) examine(ctx context.Context, root string, cfg StreamConfig) ([]Finding, error) {
	info, found, err := p.prepare(ctx, root, cfg)
	if err != nil {
		return nil, err
	}
	if info != nil {
		found = append(found, check(info, root, cfg)...)
		if size := int64(info.Config.MaxMsgSize); size > 0 && size < p.largestMessage() {
			found = append(found, Finding{
				Warning, cfg.Name, fmt.Sprintf("it takes messages up to %d bytes, and routes take bodies up to %d", size, p.cfg.LargestBody),
				cfg.edit("--max-msg-size=-1"),
			})
		}
		if root == Root {
			found = append(found, Finding{Note, cfg.Name, worth(info.Config.Replicas, p.cfg.Embedded, p.cfg.SyncAlways), ""})
		}
	}
	if hopeless(found) || p.cfg.LookOnly && info == nil && len(found) == 1 && found[0].Problem == ToCreate {
		return found, nil // it may not even answer
	}
	probe, err := p.probe(ctx, root, cfg)
	if err == nil && info != nil && info.Cluster != nil && unanswered(probe) {
		// It takes the subject, so that this is no mistake in its settings.
		err = fmt.Errorf("publishing to the stream %s for a test: %w: it has no leader now, because most of its servers do not run or do not reach each other; "+
			"or the account of this user does not import %s.>", cfg.Name, jetstream.ErrNoStreamResponse, root)
	}
	if err != nil {
		return nil, err
	}
	return append(append(found, probe...), p.probeReading(ctx, cfg)...), nil
}

// probeReading looks whether the original of a duplicate can be read.
func (p *Publisher) probeReading(ctx context.Context, cfg StreamConfig) []Finding {
	first := &jetstream.PubAck{Stream: cfg.Name, Sequence: 1}
	for _, way := range []struct {
		api string
		get func(context.Context, *jetstream.PubAck) (original, error)
	}{{"DIRECT.GET.", p.direct}, {"STREAM.MSG.GET.", p.fromLeader}} {
		denied, err := p.permitted(ctx, way.api+cfg.Name, func(ctx context.Context) error {
			_, err := way.get(ctx, first)
			return err
		})
		if !denied && !errors.Is(err, nats.ErrNoResponders) {
			return nil // an event, or the word that there is none
		}
	}
	return []Finding{{
		Warning, cfg.Name, "the gateway may not read it, so that it cannot tell a duplicate from another event with the same id",
		"allow its user to publish on " + p.cfg.APIPrefix + "DIRECT.GET." + cfg.Name,
	}}
}

// largestMessage is the size of the largest message that may come.
func (p *Publisher) largestMessage() int64 {
	largest := p.cfg.LargestBody
	if p.bodies != nil {
		largest = min(largest, p.bodies.limit())
	}
	return largest + maxHeaders
}

func hopeless(found []Finding) bool {
	for _, f := range found {
		if f.Severity == Fatal {
			return true
		}
	}
	return false
}

// prepare looks at the stream, creates it, and brings one of ours up to date. It
// returns no info if it may not look.
func (p *Publisher) prepare(ctx context.Context, root string, cfg StreamConfig) (*jetstream.StreamInfo, []Finding, error) {
	var s jetstream.Stream
	denied, err := p.permitted(ctx, "STREAM.INFO."+cfg.Name, func(ctx context.Context) (err error) {
		s, err = p.js.Stream(ctx, cfg.Name)
		return err
	})
	switch {
	case denied:
		return nil, []Finding{{Warning, cfg.Name, "the gateway may not look at it", "allow its user to publish on " + p.cfg.APIPrefix + "STREAM.INFO." + cfg.Name}}, nil
	case errors.Is(err, jetstream.ErrStreamNotFound) && !cfg.Create:
		return nil, []Finding{p.absent(ctx, root, cfg)}, nil
	case errors.Is(err, jetstream.ErrStreamNotFound) && p.cfg.LookOnly:
		return nil, []Finding{p.mayCreate(ctx, root, cfg)}, nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return p.create(ctx, root, cfg)
	case err != nil:
		return nil, nil, fmt.Errorf("looking at the stream %s: %w", cfg.Name, err)
	}
	info := s.CachedInfo()
	want, differs := cfg.changed(root, info.Config, !p.cfg.Embedded)
	if !cfg.Create || info.Config.Metadata[ownerKey] == "" || !differs {
		return info, nil, nil
	}
	if p.cfg.LookOnly {
		info.Config = want // which is what it will be
		return info, []Finding{{Note, cfg.Name, ToUpdate, ""}}, nil
	}
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	denied, err = p.permitted(context.WithoutCancel(ctx), "STREAM.UPDATE."+cfg.Name, func(ctx context.Context) error {
		return p.alone(ctx, want.Name, want.Subjects, func() (err error) {
			s, err = p.js.UpdateStream(ctx, want)
			return err
		})
	})
	switch problem, final := refusal(err); {
	case denied:
		return info, []Finding{{Warning, cfg.Name, "the gateway may not change it", "allow its user to publish on " + p.cfg.APIPrefix + "STREAM.UPDATE." + cfg.Name + ", or use `create off`"}}, nil
	case final:
		return info, []Finding{{Warning, cfg.Name, "the server does not change it: " + problem, "change the settings, or the stream with `nats stream edit " + cfg.Name + "`"}}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("updating the stream %s: %w", cfg.Name, err)
	}
	return s.CachedInfo(), []Finding{{Note, cfg.Name, Updated, ""}}, nil
}

func (p *Publisher) create(ctx context.Context, root string, cfg StreamConfig) (*jetstream.StreamInfo, []Finding, error) {
	var s jetstream.Stream
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	denied, err := p.permitted(context.WithoutCancel(ctx), "STREAM.CREATE."+cfg.Name, func(ctx context.Context) error {
		return p.alone(ctx, cfg.Name, cfg.subjects(root), func() (err error) {
			s, err = p.js.CreateStream(ctx, cfg.config(root))
			return err
		})
	})
	var api *jetstream.APIError
	switch problem, final := refusal(err); {
	case denied:
		return nil, []Finding{{Fatal, cfg.Name, "it does not exist, and the gateway may not create it", "create it with `" + cfg.addCommand(root) +
			"`, or allow its user to publish on " + p.cfg.APIPrefix + "STREAM.CREATE." + cfg.Name}}, nil
	case errors.Is(err, jetstream.ErrStreamNameAlreadyInUse):
		return nil, nil, fmt.Errorf("creating the stream %s: another gateway was first: %w", cfg.Name, err)
	case errors.As(err, &api) && api.ErrorCode == codeOverlap:
		return nil, []Finding{{
			Fatal, cfg.Name, "it does not exist, and " + p.owner(ctx, cfg.subjects(root)) + " has its subjects", p.takeFrom(ctx, root, cfg),
		}}, nil
	case final && api.ErrorCode == codeNoStorage:
		return nil, []Finding{{Fatal, cfg.Name, "the server does not create it: " + problem, p.roomFor(cfg)}}, nil
	case final:
		return nil, []Finding{{Fatal, cfg.Name, "the server does not create it: " + problem, "change the settings, or create it with `" + cfg.addCommand(root) + "`"}}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("creating the stream %s: %w", cfg.Name, err)
	}
	return s.CachedInfo(), []Finding{{Note, cfg.Name, Created, ""}}, nil
}

// mayCreate says what would come of making a stream that does not exist: whether
// others have its subjects, and whether the user may make it. The server refuses
// what is asked, since it names no stream.
func (p *Publisher) mayCreate(ctx context.Context, root string, cfg StreamConfig) Finding {
	if owner := p.owner(ctx, cfg.subjects(root)); owner != "another stream" && !p.cfg.Embedded {
		return Finding{Fatal, cfg.Name, "it does not exist, and " + owner + " has its subjects", p.takeFrom(ctx, root, cfg)}
	}
	if p.deniedCreate(ctx, cfg.Name) {
		return Finding{Fatal, cfg.Name, "it does not exist, and the gateway may not create it", "create it with `" + cfg.addCommand(root) +
			"`, or allow its user to publish on " + p.cfg.APIPrefix + "STREAM.CREATE." + cfg.Name}
	}
	return Finding{Note, cfg.Name, ToCreate, ""}
}

// deniedCreate reports whether the user may not create a stream of this name.
func (p *Publisher) deniedCreate(ctx context.Context, name string) bool {
	subject := "STREAM.CREATE." + name
	denied, _ := p.permitted(ctx, subject, func(ctx context.Context) error {
		m, err := p.cfg.Conn.RequestWithContext(ctx, p.cfg.APIPrefix+subject, []byte("{}"))
		if err == nil && !strings.Contains(string(m.Data), `"error"`) {
			return errors.New("it was not refused")
		}
		return err
	})
	return denied
}

// roomFor says how a stream fits for which the server has no room: what streams
// may take at most is put aside for them.
func (p *Publisher) roomFor(cfg StreamConfig) string {
	store := "the servers `max_file_store`"
	if p.cfg.Embedded {
		store = "the embedded server `max_store`"
	}
	return fmt.Sprintf("%d bytes are to be put aside for it: lower its `max_bytes` or that of another stream, or give %s and the disk for that", cfg.MaxBytes, store)
}

// owner names the stream that has one of the subjects, as far as the user may ask.
func (p *Publisher) owner(ctx context.Context, subjects []string) string {
	for _, s := range subjects {
		var name string
		denied, err := p.permitted(ctx, "STREAM.NAMES", func(ctx context.Context) (err error) {
			name, err = p.js.StreamNameBySubject(ctx, s)
			return err
		})
		if denied {
			break
		}
		if err == nil {
			return "the stream " + name
		}
	}
	return "another stream"
}

// absent says how a stream is made that is not the gateway's to make.
func (p *Publisher) absent(ctx context.Context, root string, cfg StreamConfig) Finding {
	f := Finding{Fatal, cfg.Name, "it does not exist", "create it with `" + cfg.addCommand(root) + "`, or let the gateway do it with `create on`"}
	if len(cfg.Subjects) == 0 {
		return f
	}
	if owner := p.owner(ctx, cfg.subjects(root)); owner != "another stream" {
		f.Problem += ", and " + owner + " has its subjects"
		f.Cure = p.takeFrom(ctx, root, cfg) + "; `" + cfg.addCommand(root) + "`"
	}
	return f
}

// takeFrom says how a stream gets the subjects that another has.
func (p *Publisher) takeFrom(ctx context.Context, root string, cfg StreamConfig) string {
	owner := strings.TrimPrefix(p.owner(ctx, cfg.subjects(root)), "the stream ")
	for _, s := range p.streams() {
		if s.Name == owner && len(s.Subjects) > 0 {
			return "give the other only what its routes need, with those of all its gateways, and then create this one: " + s.edit(s.flags(s.root))
		}
	}
	return "name that stream in the configuration, or take " + strings.Join(cfg.subjects(root), ", ") + " from it"
}

// alone does what needs subjects that other streams may have: on a server of this
// gateway alone they are taken from those, except in a spool, where what such a
// stream holds would not be forwarded any more.
func (p *Publisher) alone(ctx context.Context, name string, subjects []string, do func() error) error {
	err := do()
	var api *jetstream.APIError
	if !p.cfg.Embedded || p.cfg.Stream.spooled || !errors.As(err, &api) || api.ErrorCode != codeOverlap {
		return err
	}
	if other := p.makeRoom(ctx, name, subjects); other != nil {
		return fmt.Errorf("%w; %w", err, other)
	}
	return do()
}

// probe looks whether events can get there, with a message that the server
// refuses because it is for a stream of another name. Nothing is stored.
func (p *Publisher) probe(ctx context.Context, root string, cfg StreamConfig) ([]Finding, error) {
	subject := cfg.within(root, "preflight")
	m := &nats.Msg{Subject: subject, Header: nats.Header{headerStream: {cfg.Name + "-preflight"}}}
	denied, err := p.permitted(ctx, subject, func(ctx context.Context) error {
		_, err := p.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
		return err
	})
	var api *jetstream.APIError
	switch {
	case denied:
		return []Finding{{Fatal, cfg.Name, "the gateway may not publish on " + root + ".>", "allow its user to"}}, nil
	case errors.As(err, &api) && api.ErrorCode == codeWrongStream:
		return nil, nil
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return []Finding{{Fatal, cfg.Name, nobodyTakes + strings.Join(cfg.subjects(root), ", "), "give it the subject, " + cfg.edit(cfg.flags(root))}}, nil
	case err != nil:
		return nil, fmt.Errorf("publishing to the stream %s for a test: %w", cfg.Name, err)
	}
	return nil, fmt.Errorf("publishing to the stream %s for a test: it was not refused", cfg.Name)
}

// nobodyTakes begins what is found where nobody answers.
const nobodyTakes = "no stream takes "

func unanswered(found []Finding) bool {
	return len(found) == 1 && strings.HasPrefix(found[0].Problem, nobodyTakes)
}

// permitted asks, and reports whether the connection says that it may not. A
// request on such a subject is not answered.
func (p *Publisher) permitted(ctx context.Context, subject string, ask func(context.Context) error) (refused bool, err error) {
	before := p.cfg.Conn.LastError()
	short, cancel := context.WithTimeout(ctx, question)
	defer cancel()
	refusal := func() bool {
		last := p.cfg.Conn.LastError()
		return errors.Is(last, nats.ErrPermissionViolation) && last != before && //nolint:errorlint // another occurrence is another value
			strings.Contains(last.Error(), subject+`"`)
	}
	var watcher sync.WaitGroup
	watcher.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-short.Done():
				return
			case <-tick.C:
				if refusal() {
					cancel() // there will be no answer
					return
				}
			}
		}
	})
	err = ask(short)
	cancel()
	watcher.Wait()
	return err != nil && refusal(), err
}

// refusal returns the server's words for what another try does not change.
func refusal(err error) (problem string, final bool) {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.Code == 503 || api.ErrorCode == codeNoMetaLeader || api.ErrorCode == codeNotLeader {
		return "", false
	}
	return api.Description, true
}

func (cfg StreamConfig) edit(flags string) string {
	return "`nats stream edit " + cfg.Name + " " + flags + "`"
}
