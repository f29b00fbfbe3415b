package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// blockSize is how much of a body is read before memory is reserved for it:
	// what a request declares costs it nothing, and who sends nothing must not
	// take the room of those who do. The blocks are as large as the server's own
	// buffer of a connection, and like these there is one for each request that
	// is being read.
	blockSize = 4 << 10
	// firstSize is the most that is reserved when the block is full.
	firstSize = 64 << 10
)

// blocks are what the beginnings of bodies are read into.
var blocks = sync.Pool{New: func() any { return new([blockSize]byte) }}

var (
	errDeclaredTooLarge = errors.New("the declared length is over the limit")
	errTooLarge         = errors.New("the body is over the limit")
	errShort            = errors.New("the body is shorter than its declared length")
	errLong             = errors.New("the body is longer than its declared length")
	errSlow             = errors.New("the body did not arrive in time")
)

// limitReadTime bounds how long the server waits for the rest of the request,
// whether the pipeline reads it or the server drains it after a refusal. It is not
// for requests without a body: the server reads on already, to learn that the
// sender has gone. A server's own shorter limit, which counts from the request's
// first byte, is left alone.
func (x *exchange) limitReadTime() {
	if x.r.Body == nil || x.r.Body == http.NoBody {
		return
	}
	if s, ok := x.r.Context().Value(http.ServerContextKey).(*http.Server); ok &&
		s.ReadTimeout > 0 && s.ReadTimeout <= x.route.cfg.ReadTimeout {
		return
	}
	// Not the route's clock: the deadline is the network's. Where there are no
	// deadlines, readAll looks at the time itself.
	x.limited = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(x.route.cfg.ReadTimeout)) == nil
}

// unlimitReadTime takes the deadline back after the end of the body, in case that
// the server saw the end before the deadline was set, as where another handler has
// read the body already. It would take a deadline that passes for a sender that has
// gone, and end the context of every later request of the connection with it.
func (x *exchange) unlimitReadTime() {
	if x.limited {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	}
}

// read reads the whole body or ends the exchange.
func (x *exchange) read() bool {
	body, length, limit := x.r.Body, x.r.ContentLength, x.route.cfg.MaxBody
	if length > limit {
		x.unread = true
		return x.end(BodyTooLarge, "", errDeclaredTooLarge)
	}
	if body == nil || body == http.NoBody {
		x.req.Body = []byte{}
		return true
	}
	start := x.route.now()
	outcome, err := x.readAll(body, length, limit)
	x.res.Stages[StageRead] = x.route.now().Sub(start)
	if err != nil {
		x.unread = true
		return x.end(outcome, "", fmt.Errorf("reading the body: %w", err))
	}
	x.unlimitReadTime()
	if x.coding != "" && len(x.req.Body) > 0 {
		x.packed = x.req.Body
	}
	return true
}

// readAll reads the body into a block, and from there into memory of its own.
func (x *exchange) readAll(body io.Reader, length, limit int64) (Outcome, error) {
	if !x.lease.room(min(max(length, 1), firstSize)) {
		return Overloaded, errBudget // as it would be with the bytes
	}
	block, ok := blocks.Get().(*[blockSize]byte)
	if !ok {
		block = new([blockSize]byte)
	}
	defer blocks.Put(block)
	// One byte above the limit is enough to see that it is exceeded.
	size := min(blockSize, limit+1)
	if length >= 0 {
		size = min(blockSize, length)
	}
	buf, outcome, err := x.fill(block[:0:size], body, length, limit)
	x.res.Size = len(buf)
	if err != nil {
		return outcome, err
	}
	if x.lease.bytes == 0 { // it is still in the block
		if !x.lease.grow(int64(len(buf))) {
			return Overloaded, errBudget
		}
		own := make([]byte, len(buf))
		copy(own, buf)
		buf = own
	}
	x.req.Body = buf
	return Accepted, nil
}

// fill reads the body to its end. When buf is full it goes on in a larger one,
// for which it reserves memory; for buf itself nothing is reserved.
func (x *exchange) fill(buf []byte, body io.Reader, length, limit int64) ([]byte, Outcome, error) {
	var empty int
	pace := x.newPace()
	for int64(len(buf)) != length {
		if len(buf) == cap(buf) {
			size := nextSize(int64(cap(buf)), length, limit)
			if !x.lease.grow(size - x.lease.bytes) {
				return buf, Overloaded, errBudget
			}
			grown := make([]byte, len(buf), size)
			copy(grown, buf)
			buf = grown
		}
		pace.wait(len(buf))
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return buf, BodyTooLarge, errTooLarge
		case errors.Is(err, io.EOF):
			if int64(len(buf)) < length {
				return buf, BodyCut, errShort
			}
			return buf, Accepted, nil
		case err != nil:
			outcome := x.readOutcome(err)
			if outcome == BodySlow {
				err = pace.cause(len(buf))
			}
			return buf, outcome, err
		case pace.late(len(buf)):
			return buf, BodySlow, pace.cause(len(buf))
		}
		if empty++; n > 0 {
			empty = 0
		}
		if empty == 100 {
			return buf, BodyCut, io.ErrNoProgress
		}
	}
	// HTTP/2 and wrapped bodies report the end separately, and the server
	// counts a body as read only when that was seen.
	for range 100 {
		n, err := body.Read(x.beyond[:])
		switch {
		case n > 0:
			return buf, BodyCut, errLong
		case errors.Is(err, io.EOF):
			return buf, Accepted, nil
		case err != nil:
			return buf, x.readOutcome(err), err
		}
	}
	return buf, BodyCut, io.ErrNoProgress
}

// nextSize returns the size of the next buffer: exactly the body where its
// length is known and an eighth of it is there, so that a large one is copied
// little, else twice the last, and never more than one byte above the limit.
func nextSize(size, length, limit int64) int64 {
	switch {
	case size >= length: // or it is not known
	case size >= length/8:
		return length
	default:
		return min(length, max(2*size, firstSize))
	}
	return min(limit+1, 2*size)
}

// abandon gives up a large body that was not read to its end. The server then
// waits a little before it ends the connection: otherwise a sender that is
// still writing could see a reset and no answer. Small bodies are the server's
// own business, and who has asked whether to send has sent nothing: closing
// either would wait for them.
func abandon(r *http.Request) {
	const small = 256 << 10 // what the server reads of a body by itself
	if r.Body == nil || r.Header.Get("Expect") != "" || 0 <= r.ContentLength && r.ContentLength <= small {
		return
	}
	_ = r.Body.Close() // nobody needs it any more
}

func (x *exchange) readOutcome(err error) Outcome {
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	var network *net.OpError
	switch {
	case errors.As(err, &tooLarge):
		return BodyTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return BodySlow
	case errors.Is(err, io.ErrUnexpectedEOF):
		// Before the context, which HTTP/1 ends for a connection that is only
		// half closed, too.
		return BodyCut
	case x.r.Context().Err() != nil, errors.Is(err, context.Canceled), errors.As(err, &network):
		return ClientGone
	default:
		return BodyCut
	}
}
