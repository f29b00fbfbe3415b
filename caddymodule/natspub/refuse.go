package natspub

import (
	"fmt"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// Refuse lets every event for a stream of problems fail at once, with
// [gateway.ErrRefused] and the problem, until Refuse is called without it. The
// stream "" stands for all. It is for what another try does not mend, such as a
// stream whose settings break the gateway's promises.
func (p *Publisher) Refuse(problems map[string]error) {
	if len(problems) == 0 {
		p.refused.Store(nil)
		return
	}
	p.refused.Store(&problems)
}

// refuses returns why events for the stream are refused, or nil.
func (p *Publisher) refuses(stream string) error {
	problems := p.refused.Load()
	if problems == nil {
		return nil
	}
	for _, name := range []string{stream, ""} {
		if err := (*problems)[name]; err != nil {
			return fmt.Errorf("%w: %w", gateway.ErrRefused, err)
		}
	}
	return nil
}
