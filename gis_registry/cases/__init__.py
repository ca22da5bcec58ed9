"""Cases: the incidents that reports are evidence of."""
