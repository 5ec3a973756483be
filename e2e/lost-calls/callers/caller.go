// Calls again and again until its standard input ends: ADDRESS CHARGE WORST_CHARGE WORST_ALLOCATION.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	llmprices "example.com/llmprices-client/gen/llmprices/v1"
)

func main() {
	channel, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	pricing := llmprices.NewPricingServiceClient(channel)
	_, err = pricing.CalculateCharge(context.Background(), decode(os.Args[3], &llmprices.CalculateChargeRequest{}))
	printFailure(err)
	_, err = pricing.AllocateCharges(context.Background(), decode(os.Args[4], &llmprices.AllocateChargesRequest{}))
	printFailure(err)

	var sent, right atomic.Int64
	for range 8 {
		go func() {
			request := decode(os.Args[2], &llmprices.CalculateChargeRequest{})
			for {
				cost := sent.Add(1)
				request.ProviderCost = strconv.FormatInt(cost, 10)
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				answer, err := pricing.CalculateCharge(ctx, request)
				cancel()
				if err != nil {
					printFailure(err)
					time.Sleep(20 * time.Millisecond)
				} else if answer.AccountCharge == strconv.FormatInt(2*cost, 10) {
					right.Add(1)
				} else {
					fmt.Printf("wrong\t%d\t%s\n", cost, answer.AccountCharge)
				}
			}
		}()
	}
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		fmt.Printf("right\t%d\n", right.Load())
	}
}

func printFailure(err error) {
	failure := status.Convert(err)
	var details []byte
	if len(failure.Details()) > 0 {
		details, _ = proto.Marshal(failure.Proto())
	}
	fmt.Printf("failed\t%d\t%x\t%x\n", failure.Code(), details, failure.Message())
}

// decode reads a message that is encoded in hexadecimal digits.
func decode[M proto.Message](text string, message M) M {
	bytes, err := hex.DecodeString(text)
	if err == nil {
		err = proto.Unmarshal(bytes, message)
	}
	if err != nil {
		log.Fatal(err)
	}
	return message
}
