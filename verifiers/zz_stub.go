package verifiers

func (JWT) Build(string, Config) (Verifier, error) { panic("stub") }
func (JWT) Sign(*Request, Config) error            { panic("stub") }
