package caddymodule

import (
	"context"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// opsPatience is how long the end waits for operational events that are queued.
const opsPatience = time.Second

// startOps begins to publish operational events. Nothing else waits for them.
func (a *App) startOps() error {
	stored, dropped := a.metrics.ops.WithLabelValues("stored"), a.metrics.ops.WithLabelValues("dropped")
	ops, err := natspub.NewOps(natspub.OpsConfig{
		Conn:      a.session.broker.conn,
		APIPrefix: a.settings.prefix,
		Stream:    a.OpsStream.translate(time.Hour, true),
		Embedded:  a.session.broker.embedded.StoreDir != "",
		Instance:  a.settings.connect.Name,
		PublicURL: a.PublicURL,
		Done: func(ok bool) {
			if ok {
				stored.Inc()
				return
			}
			dropped.Inc()
		},
		Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.session.mu.Lock()
	a.session.ops = ops
	a.session.mu.Unlock()
	a.ops.Store(ops)
	return nil
}

func (a *App) closeOps(ops *natspub.Ops) {
	ctx, cancel := context.WithTimeout(context.Background(), opsPatience)
	defer cancel()
	ops.Close(ctx)
}

// notify tells operators of something. It never blocks; without a broker the
// event is dropped.
func (a *App) notify(e natspub.OpsEvent) { a.ops.Load().Send(e) }

// notifySpool tells that events begin to be kept on this machine, or that the
// cluster takes them again. The first of these is published after the outage.
func (a *App) notifySpool(st natspub.SpoolStatus) {
	name := "spool_end"
	if st.Out {
		name = "spool_begin"
	}
	a.notify(natspub.OpsEvent{Name: name, Data: map[string]any{
		"events": st.Events, "bytes": st.Bytes, "max_bytes": st.MaxBytes,
	}})
}
