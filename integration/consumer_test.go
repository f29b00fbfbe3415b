package integration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdConsumer makes a durable consumer, or waits until it has nothing left: that
// what it has delivered is acknowledged or terminated, and all is delivered.
//
//	consumer add URL STREAM NAME FILTER WAIT
//	consumer again URL STREAM NAME
//	consumer done URL STREAM NAME
//	consumer stream URL NAME SUBJECT...
//	consumer subjects URL STREAM SUBJECT...
//
// With again it waits until an event was delivered again. The last two make a
// stream, and change its subjects.
func cmdConsumer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: consumer add|again|done|stream|subjects URL ...")
	}
	nc, err := dialNATS(args[1])
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch {
	case args[0] == "add" && len(args) == 6:
		wait, err := time.ParseDuration(args[5])
		ts.Check(err)
		_, err = js.CreateConsumer(ctx, args[2], jetstream.ConsumerConfig{
			Durable: args[3], FilterSubject: args[4], AckPolicy: jetstream.AckExplicitPolicy, AckWait: wait, MaxDeliver: 10,
		})
		ts.Check(err)
	case (args[0] == "done" || args[0] == "again") && len(args) == 4:
		for {
			consumer, err := js.Consumer(ctx, args[2], args[3])
			if err == nil {
				switch info := consumer.CachedInfo(); {
				case args[0] == "again" && info.NumRedelivered == 0:
					err = errors.New("no event was delivered again")
				case args[0] == "done" && (info.NumPending > 0 || info.NumAckPending > 0):
					err = fmt.Errorf("%d events are not delivered, and %d not acknowledged", info.NumPending, info.NumAckPending)
				}
			}
			switch {
			case err == nil:
				return
			case ctx.Err() != nil:
				ts.Fatalf("%v", err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	case args[0] == "stream":
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: args[2], Subjects: args[3:]})
		ts.Check(err)
	case args[0] == "subjects":
		stream, err := js.Stream(ctx, args[2])
		ts.Check(err)
		cfg := stream.CachedInfo().Config
		cfg.Subjects = args[3:]
		_, err = js.UpdateStream(ctx, cfg)
		ts.Check(err)
	default:
		ts.Fatalf("consumer: not understood: %v", args)
	}
}
