package caddymodule

func (a *App) connect() error { return nil }
func (a *App) disconnect()    {}
