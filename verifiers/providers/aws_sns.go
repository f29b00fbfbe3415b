package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// snsHosts are where SNS serves certificates and confirms subscriptions.
var snsHosts = []string{"sns.*.amazonaws.com", "sns.*.amazonaws.com.cn"}

// AWSSNS has no shared secret: a message is signed with a key whose certificate
// AWS serves. That proves that it comes from SNS and not that it comes from a
// topic of yours, so the topics have to be named. The signature covers members
// of the JSON envelope and not its bytes: MessageAttributes, UnsubscribeURL and
// every header are unprotected. The envelope is sent as text/plain. With raw
// message delivery there is neither envelope nor signature, and nothing is
// accepted.
var AWSSNS = add(verifiers.Provider{
	Name:   "aws-sns",
	Title:  "Amazon SNS",
	Docs:   "https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
	Scheme: snsScheme{},
	Options: []verifiers.Option{
		{
			Name:     snsTopics,
			Doc:      "The ARNs of the topics to accept messages from.",
			Required: true,
			Multiple: true,
			Example:  "arn:aws:sns:us-east-1:123456789012:orders",
		},
		{
			Name: "auto_confirm",
			Doc:  `"on" confirms subscriptions to these topics by fetching the URL that SNS sends.`,
		},
	},
	ID:         verifiers.JSON("/MessageId"),
	Type:       verifiers.JSON("/Type"),
	Time:       verifiers.JSON("/Timestamp"),
	TypePrefix: "com.amazonaws.sns",
	Handshakes: []verifiers.Handshake{{
		Name:          "subscription_confirmation",
		When:          []verifiers.Match{verifiers.JSON("/Type").Is("SubscriptionConfirmation")},
		Signed:        true,
		Confirm:       verifiers.JSON("/SubscribeURL"),
		Pin:           verifiers.Pin{Hosts: snsHosts},
		ConfirmOption: "auto_confirm",
	}},
	ContentTypes: []string{"text/plain", "application/json"},
	NeedsJSON:    true,
	MaxBody:      2 << 20,
	Deadline:     15 * time.Second,
	RetrySpan:    time.Hour,
	Headers: []string{
		"X-Amz-Sns-Message-Type", "X-Amz-Sns-Message-Id",
		"X-Amz-Sns-Topic-Arn", "X-Amz-Sns-Subscription-Arn",
	},

	Category: "infra",
	Setup:    "Subscribe the HTTPS URL to the topic, leave raw message delivery off, and name the topic in the configuration; set auto_confirm, or open the URL of the confirmation that is logged.",
	Signs:    "Named members of the JSON envelope (Message, MessageId, Subject, Timestamp, TopicArn, Type and those of confirmations), with the key of a certificate that AWS serves",
	Retries:  "Three at once, then with growing pauses for about an hour by default; a delivery policy of the subscription may ask for more.",
	Notes: []string{
		"Anybody can have SNS send signed messages from a topic of their own: the topics have to be named.",
		"The body is JSON although it is sent as text/plain.",
	},
	Sources: []string{
		"https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
		"npm sns-validator",
	},
	Confidence: verifiers.High,
})
