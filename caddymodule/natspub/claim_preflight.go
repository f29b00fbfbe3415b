package natspub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// longestAge is how long the longest-lived events are kept; 0 means for ever.
func (p *Publisher) longestAge() time.Duration {
	var longest time.Duration
	for _, s := range []StreamConfig{p.cfg.Stream, p.cfg.Unverified, p.cfg.Quarantine} {
		if s.Name == "" {
			continue
		}
		if s.MaxAge == 0 {
			return 0
		}
		longest = max(longest, s.MaxAge)
	}
	return longest
}

func (p *Publisher) bodyTTL() time.Duration {
	if age := p.longestAge(); age > 0 {
		return age + bodySlack
	}
	return 0
}

// bucketCommand is the line that creates the bucket with the nats tool.
func (p *Publisher) bucketCommand() string {
	cfg := p.cfg.Bodies
	line := fmt.Sprintf("nats object add %s --storage file --replicas %d", cfg.Bucket, max(cfg.Replicas, 1))
	if ttl := p.bodyTTL(); ttl > 0 {
		line += " --ttl " + ttl.String()
	}
	if cfg.MaxBytes > 0 {
		line += fmt.Sprintf(" --max-bucket-size %d", cfg.MaxBytes)
	}
	return line
}

// examineBodies creates or checks the bucket, where bodies can come that need it.
func (p *Publisher) examineBodies(ctx context.Context) ([]Finding, error) {
	cfg := p.cfg.Bodies
	if cfg.Bucket == "" || p.cfg.LargestBody <= p.claimAbove() {
		return nil, nil
	}
	p.bucket.Store(nil)
	ctx, cancel := context.WithTimeout(ctx, question) // what is not permitted is not answered
	defer cancel()
	s, err := p.js.Stream(ctx, cfg.stream())
	missing := errors.Is(err, jetstream.ErrStreamNotFound)
	if missing && cfg.Create {
		_, err = p.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: cfg.Bucket, Description: "Bodies of webhooks, stored by caddy-webhooks", TTL: p.bodyTTL(),
			MaxBytes: cfg.MaxBytes, Storage: jetstream.FileStorage, Replicas: max(cfg.Replicas, 1), Metadata: map[string]string{ownerKey: "v1"},
		})
		if err == nil {
			s, err = p.js.Stream(ctx, cfg.stream())
		}
	}
	if err != nil {
		problem := "the bucket for large bodies cannot be used, so that their events are refused: " + err.Error()
		return []Finding{{Warning, cfg.stream(), problem, "create it with `" + p.bucketCommand() +
			"`, and allow the gateway's user to publish on $O." + cfg.Bucket + ".> and $JS.API.STREAM.INFO." + cfg.stream()}}, nil
	}
	return p.checkBodies(s.CachedInfo().Config), nil
}

func (p *Publisher) checkBodies(have jetstream.StreamConfig) []Finding {
	var found []Finding
	edit := StreamConfig{Name: have.Name}.edit
	add := func(s Severity, problem, cure string) { found = append(found, Finding{s, have.Name, problem, cure}) }
	if have.Storage != jetstream.FileStorage {
		add(Fatal, "its bodies are in memory and end with the server", "use a bucket with file storage")
	}
	if have.Discard != jetstream.DiscardNew {
		add(Fatal, "when it is full it drops bodies of events that were acknowledged", edit("--discard new"))
	}
	if ttl := p.bodyTTL(); have.MaxAge > 0 && (ttl == 0 || have.MaxAge < ttl-bodySlack) {
		add(Fatal, fmt.Sprintf("its bodies end after %s, before their events", have.MaxAge), edit("--max-age "+ttl.String()))
	}
	if have.Replicas < p.cfg.Bodies.Replicas {
		add(Warning, fmt.Sprintf("%d servers keep its bodies, and %d were asked for", have.Replicas, p.cfg.Bodies.Replicas), edit(fmt.Sprintf("--replicas %d", p.cfg.Bodies.Replicas)))
	}
	return found
}
