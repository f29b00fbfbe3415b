// Package caddymodule is the gateway as a Caddy module: the app "webhooks",
// which holds the connection to NATS JetStream, and the handler
// "http.handlers.webhooks", which receives the webhooks of one source.
//
//	{
//		webhooks {
//			public_url https://hooks.example.com
//		}
//	}
//
//	hooks.example.com {
//		webhooks /stripe stripe {env.STRIPE_WEBHOOK_SECRET}
//		webhooks /github github {file./run/secrets/github}
//		respond 404
//	}
//
// The package only translates: configuration into [gateway.Config] and the
// settings of natspub and natsembed, and requests of Caddy into requests of the
// gateway. What happens to a request is decided in package gateway.
//
// Provisioning checks everything and starts nothing, so that `caddy validate`
// finds every mistake; the broker is started when the app is, and kept over
// reloads.
package caddymodule
