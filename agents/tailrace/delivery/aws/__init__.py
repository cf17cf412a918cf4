"""aws: clients, what their errors mean, the policies they need, and the two services that have a pace or parts."""
