package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SparkPost signs nothing: it sends the basic credentials of the webhook. The
// test on creation holds an event without anything in it.
var SparkPost = add(verifiers.Provider{
	Name:       "sparkpost",
	Title:      "SparkPost",
	Docs:       "https://developers.sparkpost.com/api/webhooks/",
	Scheme:     verifiers.Basic{},
	SecretHint: "user:password, as in the URL that you gave to the sender",
	ID:         verifiers.Header("X-Messagesystems-Batch-Id"),
	Type:       verifiers.First(verifiers.JSON("/0/msys/message_event/type"), verifiers.JSON("/0/msys/track_event/type"), verifiers.JSON("/0/msys/gen_event/type"), verifiers.JSON("/0/msys/unsubscribe_event/type"), verifiers.JSON("/0/msys/relay_event/type"), verifiers.JSON("/0/msys/ab_test_event/type"), verifiers.JSON("/0/msys/ingest_event/type")),
	Time:       verifiers.First(verifiers.JSON("/0/msys/message_event/timestamp"), verifiers.JSON("/0/msys/track_event/timestamp"), verifiers.JSON("/0/msys/gen_event/timestamp"), verifiers.JSON("/0/msys/unsubscribe_event/timestamp"), verifiers.JSON("/0/msys/relay_event/timestamp"), verifiers.JSON("/0/msys/ab_test_event/timestamp"), verifiers.JSON("/0/msys/ingest_event/timestamp")),
	TypePrefix: "com.sparkpost",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	MaxBody:    16 << 20,
	RetrySpan:  10 * time.Hour,
	Headers:    []string{"X-Messagesystems-Batch-Id"},
	Batch: &verifiers.Batch{
		ID:   sparkPostMember("event_id"),
		Type: sparkPostMember("type"),
		Time: sparkPostMember("timestamp"),
	},

	Category: "comms",
	Setup:    "Create the webhook with basic authentication.",
	Retries:  "With growing pauses for 8 hours by report.",
	Notes: []string{
		"Nothing is signed.",
		"The test of the URL is [{\"msys\":{}}], an event without id and type.",
		"OAuth needs a description of its own with verify jwt or token.",
	},
	Sources: []string{
		"https://developers.sparkpost.com/api/webhooks/",
	},
	Confidence: verifiers.Medium,
})

// sparkPostMember is a member of an event, whatever class it has.
func sparkPostMember(name string) verifiers.Source {
	classes := []string{"message_event", "track_event", "gen_event", "unsubscribe_event", "relay_event", "ab_test_event", "ingest_event"}
	sources := make([]verifiers.Source, len(classes))
	for i, class := range classes {
		sources[i] = verifiers.JSON("/msys/" + class + "/" + name)
	}
	return verifiers.First(sources...)
}
