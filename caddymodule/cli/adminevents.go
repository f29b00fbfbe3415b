package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

const (
	// eventsSilence is how long the endpoint may say nothing: it says where it is
	// every few seconds.
	eventsSilence = 20 * time.Second
	// eventsAgain is the time between two tries to reach the gateway, and eventsAway
	// how long it may be away while somebody waits for the end of a reading.
	eventsAgain = 250 * time.Millisecond
	eventsAway  = 30 * time.Second
)

// adminEvents has the gateway read.
type adminEvents struct {
	admin      *admin
	connection string
}

func (*adminEvents) close() {}

// errBroken means that an answer has ended before its end.
var errBroken = errors.New("the connection to the gateway has ended")

// follow asks again for what comes behind the last position, each time that the
// answer ends before its end, as on a reload.
func (a *adminEvents) follow(ctx context.Context, q EventQuery, watch eventWatch, do func(*Event) error) error {
	q.Connection = a.connection
	answered := time.Time{}
	away := false
	for {
		own, err := a.once(ctx, &q, &watch, func() {
			answered = time.Now()
			if away && watch.trouble != nil {
				watch.trouble(nil)
			}
			away = false
		}, do)
		switch {
		case own != nil:
			return own
		case err == nil, ctx.Err() != nil:
			return cmp.Or(ctx.Err(), err)
		case answered.IsZero(), !temporary(err), !q.Live && time.Since(answered) > eventsAway:
			return err
		case errors.Is(err, errReloaded):
			continue
		case !away:
			away = true
			if watch.trouble != nil {
				watch.trouble(err)
			}
		}
		if !sleep(ctx, eventsAgain) {
			return ctx.Err()
		}
	}
}

// errReloaded means that the configuration has ended that has answered.
var errReloaded = errors.New("the gateway was reloaded")

// temporary reports whether the gateway may answer later.
func temporary(err error) bool {
	return errors.Is(err, errBroken) || errors.Is(err, errReloaded) || errors.Is(err, ErrUnreachable)
}

// once reads one answer, and changes q so that the next begins behind it. Own is the
// error of do.
func (a *adminEvents) once(ctx context.Context, q *EventQuery, watch *eventWatch, answered func(), do func(*Event) error) (own, _ error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := a.admin.request(ctx, http.MethodGet, "/webhooks/events?"+q.Values().Encode(), nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	lines := json.NewDecoder(&impatient{res.Body, cancel})
	var last uint64
	first := true // it says where it begins
	for {
		var line EventLine
		if err := lines.Decode(&line); err != nil {
			return nil, fmt.Errorf("%w: %w", errBroken, err)
		}
		answered()
		if line.EventRecord != nil {
			if own := do(line.event(last)); own != nil {
				return own, nil
			}
			q.behind(line.Seq)
		}
		if first {
			first, last = false, line.Last
			if watch.begun != nil {
				watch.begun(line.Position+1, last)
				watch.begun = nil
			}
			q.behind(line.Position)
		}
		if line.Position > 0 {
			q.behind(line.Position)
			if watch.passed != nil {
				watch.passed(line.Position)
			}
		}
		switch {
		case line.Error != "":
			return nil, fmt.Errorf("%w: %s", ErrAdmin, visible(line.Error, false))
		case line.Recovered && watch.trouble != nil:
			watch.trouble(nil)
		case line.Trouble != "" && watch.trouble != nil:
			watch.trouble(fmt.Errorf("%w: %s", ErrAdmin, visible(line.Trouble, false)))
		case line.End == EndReload:
			return nil, errReloaded
		case line.End != "":
			return nil, nil
		}
	}
}

// behind has the query begin behind a sequence. Since still chooses.
func (q *EventQuery) behind(seq uint64) { q.FromSeq, q.Last, q.New = seq+1, 0, false }

// impatient ends the request when there is nothing to read for too long.
type impatient struct {
	r   io.Reader
	end func()
}

// Read implements [io.Reader].
func (i *impatient) Read(p []byte) (int, error) {
	defer time.AfterFunc(eventsSilence, i.end).Stop()
	return i.r.Read(p)
}

func (a *adminEvents) get(ctx context.Context, stream string, seq uint64) (*Event, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	v := url.Values{}
	if stream != "" {
		v.Set("stream", stream)
	}
	if a.connection != "" {
		v.Set("connection", a.connection)
	}
	res, err := a.admin.request(ctx, http.MethodGet, "/webhooks/events/"+strconv.FormatUint(seq, 10)+"?"+v.Encode(), nil)
	if err != nil {
		if errors.Is(err, errNotFound) {
			text := strings.TrimPrefix(err.Error(), ErrAdmin.Error()+": ")
			err = &marked{natspub.ErrNoEvent, errors.New(text)} // asked rightly, and the answer is no
		}
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var r EventRecord
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return r.event(0), nil
}

// streams are those that the gateway's status names.
func (a *adminEvents) streams(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	var st struct {
		Streams []struct {
			Broker, Name string
		} `json:"streams"`
	}
	if err := a.admin.call(ctx, http.MethodGet, "status", nil, &st); err != nil {
		return nil, err
	}
	var list []string
	for _, s := range st.Streams {
		if a.connection == "" || s.Broker == a.connection || s.Broker == "" && a.connection == "default" {
			list = append(list, s.Name)
		}
	}
	return list, nil
}

var (
	_ eventReader = (*adminEvents)(nil)
	_ eventReader = (*directEvents)(nil)
)
