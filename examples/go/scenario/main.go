// The scenario that every client runs: ADDRESS NAME UNSTEADY_ADDRESS. Prints a line for each step.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	llmprices "example.com/llmprices-client/gen/llmprices/v1"
)

type (
	catalogClient = llmprices.CatalogServiceClient
	pricingClient = llmprices.PricingServiceClient
)

func main() {
	address, name, unsteadyAddress := os.Args[1], os.Args[2], os.Args[3]
	channel := must(connect(address))
	defer channel.Close()
	catalog := llmprices.NewCatalogServiceClient(channel)
	pricing := llmprices.NewPricingServiceClient(channel)

	register(catalog, name)
	created := createPrices(pricing, name)
	read(pricing, created.LlmPrice.Id)
	list(pricing, name)
	asOf := calculate(pricing, name, created.BookVersion)
	batch(pricing, name)
	allocate(pricing, name)
	update(pricing, name, created.LlmPrice.Etag, asOf)
	causeErrors(pricing, name)
	deadline(pricing, name)

	unsteady := must(connect(unsteadyAddress))
	defer unsteady.Close()
	retry(llmprices.NewPricingServiceClient(unsteady), name)
}

// printStep prints one answer: what was done, and what was seen.
func printStep(step string, seen ...string) {
	fmt.Printf("%s: %s\n", step, strings.Join(seen, ", "))
}

// must is for calls that are to succeed.
func must[T any](answer T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return answer
}
