package verifiers

import "time"

// StandardWebhooks is the symmetric scheme of the Standard Webhooks
// specification, under headers with these prefixes: "webhook" as in the
// specification, which is also what no prefix means, "svix", or a sender's own.
// Of several prefixes the first that the request has counts, header by header.
// Signatures of other versions than v1 are not looked at.
func StandardWebhooks(prefixes ...string) HMAC {
	return HMAC{Hash: SHA256, Signed: Signed{
		Signature: prefixed(prefixes, "-signature", func(s Source) Source { return s.Split(" ").Trim("v1,") }),
		Encoding:  Base64,
		Content:   "{id}.{timestamp}.{body}",
		Timestamp: prefixed(prefixes, "-timestamp", func(s Source) Source { return s }),
		Tolerance: 5 * time.Minute,
		ID:        prefixed(prefixes, "-id", func(s Source) Source { return s }),
		Key:       KeyWhsec,
	}}
}

func prefixed(prefixes []string, name string, refine func(Source) Source) Source {
	if len(prefixes) == 0 {
		prefixes = []string{"webhook"}
	}
	sources := make([]Source, len(prefixes))
	for i, p := range prefixes {
		sources[i] = refine(Header(p + name))
	}
	if len(sources) == 1 {
		return sources[0]
	}
	return First(sources...)
}
