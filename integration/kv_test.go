package integration

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdKV makes a KV bucket or writes to it, as `nats kv` does:
//
//	kv URL add BUCKET
//	kv URL put BUCKET KEY VALUE
//	kv URL del BUCKET KEY
func cmdKV(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: kv URL add|put|del BUCKET [KEY [VALUE]]")
	}
	nc, err := dialNATS(args[0])
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	word, bucket, rest := args[1], args[2], args[3:]
	if word == "add" && len(rest) == 0 {
		_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket})
		ts.Check(err)
		return
	}
	kv, err := js.KeyValue(ctx, bucket)
	ts.Check(err)
	switch {
	case word == "put" && len(rest) == 2:
		_, err = kv.PutString(ctx, rest[0], rest[1])
	case word == "del" && len(rest) == 1:
		err = kv.Delete(ctx, rest[0])
	default:
		ts.Fatalf("kv: not understood: %s", strings.Join(args, " "))
	}
	ts.Check(err)
}

// cmdWithin fails unless a file was written at most so long ago:
//
//	within DURATION FILE
func cmdWithin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: within DURATION FILE")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if took := time.Since(info.ModTime()); took > limit {
		ts.Fatalf("%s was written %v ago, want at most %v", args[1], took, limit)
	}
}
