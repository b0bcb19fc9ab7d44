// That this project has the types of Express 4, which know a route's parameters as text.

import type { Request } from 'express'
import { same } from '../same.ts'

same<string, Request['params'][string]>()
