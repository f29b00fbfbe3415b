package natsembed

import (
	"fmt"
	"slices"
	"strings"
)

const (
	gatewayUser  = "gateway"
	consumerUser = "consumer"
	gatewayAcct  = "WEBHOOKS"
	consumerAcct = "CONSUMERS"
)

// accounts returns the part of the server's configuration that says who may do
// what. The streams are in an account of their own, in which only the gateway
// is. Clients over TCP are in another one, into which requests to read are
// imported: they cannot publish in the streams' account at all, and neither can
// they make JetStream do it for them by naming one of its subjects as the place
// to send an answer to.
func accounts(password string, readable []string) string {
	requests := []string{"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST"}
	for _, stream := range readable {
		for _, api := range []string{
			"STREAM.INFO.%s", "STREAM.MSG.GET.%s", "DIRECT.GET.%s", "DIRECT.GET.%s.>",
			"CONSUMER.NAMES.%s", "CONSUMER.LIST.%s", "CONSUMER.INFO.%s.*",
			"CONSUMER.CREATE.%s", "CONSUMER.CREATE.%s.>", "CONSUMER.DURABLE.CREATE.%s.*",
			"CONSUMER.MSG.NEXT.%s.*", "CONSUMER.DELETE.%s.*",
		} {
			requests = append(requests, "$JS.API."+fmt.Sprintf(api, stream))
		}
		// Both forms of acknowledgements, with and without the domain.
		requests = append(requests, "$JS.ACK."+stream+".>", "$JS.ACK.*.*."+stream+".>")
	}
	var exports, imports strings.Builder
	for _, subject := range slices.Compact(requests) {
		fmt.Fprintf(&exports, "\n\t\t\t{service: %q, response: stream, accounts: [%s]}", subject, consumerAcct)
		fmt.Fprintf(&imports, "\n\t\t\t{service: {account: %s, subject: %q}}", gatewayAcct, subject)
	}
	return fmt.Sprintf(`accounts {
	%s {
		jetstream: enabled
		users: [{user: %s, password: %q}]
		exports: [%s
		]
	}
	%s {
		users: [{user: %s}]
		imports: [%s
		]
	}
}
no_auth_user: %s
`, gatewayAcct, gatewayUser, password, exports.String(), consumerAcct, consumerUser, imports.String(), consumerUser)
}
